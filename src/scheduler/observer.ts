import { messageOf } from '../core/errors.ts'
import type { NodeId, ProjectName } from '../core/ids.ts'
import { MISSING_FRESH_MS, PAGE_FRESH_MS } from '../core/limits.ts'
import type { BlobStore, Clock, Log, ObserverAnswer, Random, UpstreamIndex } from '../core/ports.ts'
import { backOffMs } from '../core/retry.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { PageBook } from '../ledger/page-book.ts'
import { ObserverLine, type ObserverWire } from './observer-line.ts'
import { PageVisits } from './page-visits.ts'
import { UpstreamGate } from './upstream-gate.ts'
import { UpstreamWatch } from './upstream-watch.ts'

export interface ObserverParts {
  readonly state: MeshState
  readonly pages: PageBook
  readonly upstream: UpstreamIndex
  readonly store: BlobStore
  readonly ledger: Pick<Ledger, 'append'>
  readonly clock: Clock
  readonly log: Log
  /** Without it no wait is jittered. */
  readonly random?: Random
  /** This node is the one that follows upstream for the mesh. */
  isElected(): boolean
  /** How that one is reached when it is another; a node without it asks upstream itself. */
  readonly wire?: ObserverWire
}

export interface ObserverOptions {
  /** Milliseconds within which every watched project is asked for again. */
  readonly pollMs: number
  /** `everything`: also, slowly, all projects that upstream lists. */
  readonly follow?: 'watched' | 'everything'
}

/** How following upstream goes, as this node sees it. */
export interface ObserverStanding {
  readonly elected: boolean
  readonly observer: NodeId | undefined
  /** Projects in turn, when this node follows upstream. */
  readonly watched: number
  readonly backlog: number
  /** Milliseconds since upstream answered this node. */
  readonly answerAgeMs: number | undefined
  /** `''`: none. */
  readonly trouble: string
  readonly requests: number
  readonly requestsLastHour: number
}

/** Reads project pages from upstream and puts what is news into the ledger. */
export interface Observer {
  /**
   * Makes sure that what the mesh knows of a project is fresh: asks the node that follows upstream, or upstream. Returns also when upstream
   * has no such project. Throws when no answer could be had.
   */
  refresh(project: ProjectName): Promise<void>
  /** What a member that needs a project is answered. */
  answer(project: ProjectName): Promise<ObserverAnswer>
  /** Milliseconds since this node asked for the project itself, or since the newest observation by anybody. */
  ageMs(project: ProjectName): number | undefined
  /** What went wrong at the last try, `''` when nothing did. */
  trouble(project: ProjectName): string
  standing(): ObserverStanding
  /** The elected observer's turn: watched projects that are new or due. */
  tick(): void
  stop(): Promise<void>
}

/** Spec: docs/protocol/upstream.md */
export function createObserver(parts: ObserverParts, options: ObserverOptions): Observer {
  return new UpstreamObserver(parts, options)
}

/** A page that was never had is tried again for a client after this. */
const FIRST_AGAIN_MS = 5_000

class UpstreamObserver implements Observer {
  readonly #parts: ObserverParts
  readonly #freshMs: number
  readonly #gate: UpstreamGate
  readonly #visits: PageVisits
  readonly #watch: UpstreamWatch
  readonly #line: ObserverLine | undefined
  readonly #running = new Map<ProjectName, Promise<void>>()

  constructor(parts: ObserverParts, options: ObserverOptions) {
    this.#parts = parts
    this.#freshMs = Math.min(options.pollMs, PAGE_FRESH_MS)
    this.#gate = new UpstreamGate(parts)
    this.#visits = new PageVisits({ ...parts, gate: this.#gate })
    this.#watch = new UpstreamWatch({ ...parts, gate: this.#gate, visits: this.#visits }, options)
    this.#line = parts.wire && new ObserverLine({ ...parts, wire: parts.wire })
  }

  refresh(project: ProjectName): Promise<void> {
    if ((this.#visits.missingAgeMs(project) ?? Infinity) < MISSING_FRESH_MS) return Promise.resolve()
    const known = this.#running.get(project)
    if (known !== undefined) return known
    const bringing = this.#bring(project).finally(() => this.#running.delete(project))
    this.#running.set(project, bringing)
    return bringing
  }

  async answer(project: ProjectName): Promise<ObserverAnswer> {
    if (!this.#parts.isElected()) return { kind: 'elsewhere' }
    try {
      if ((this.ageMs(project) ?? Infinity) >= this.#freshMs) await this.refresh(project)
    } catch (error) {
      return { kind: 'trouble', reason: messageOf(error) }
    }
    const newest = this.#parts.state.observations.newest(project)
    if (newest === undefined)
      return { kind: 'missing', ageMs: Math.round(this.#visits.missingAgeMs(project) ?? 0) }
    this.#watch.asked(project)
    return { kind: 'observed', record: newest.recordId, ageMs: Math.round(this.ageMs(project) ?? 0) }
  }

  ageMs(project: ProjectName): number | undefined {
    return this.#visits.ageMs(project)
  }

  trouble(project: ProjectName): string {
    return this.#visits.trouble(project)
  }

  standing(): ObserverStanding {
    const elected = this.#parts.isElected()
    return {
      elected,
      observer: this.#parts.wire?.observer(),
      watched: elected ? this.#watch.size : 0,
      backlog: elected ? this.#watch.backlog : 0,
      answerAgeMs: this.#gate.answerAgeMs(),
      trouble: this.#gate.trouble(),
      requests: this.#gate.requests(),
      requestsLastHour: this.#gate.requestsLastHour()
    }
  }

  tick(): void {
    if (this.#parts.isElected()) this.#watch.tick()
    else this.#watch.rest()
  }

  async stop(): Promise<void> {
    this.#line?.stop()
    this.#visits.stop()
    await this.#watch.stop()
    await Promise.allSettled(this.#running.values())
  }

  /** A client waits for it: from the observer, or from upstream when that one cannot be asked. */
  async #bring(project: ProjectName): Promise<void> {
    // What is fresh and yet asked for is a page whose bytes nobody could give.
    const isOld = (this.ageMs(project) ?? Infinity) >= PAGE_FRESH_MS
    if (isOld && !this.#parts.isElected() && (await this.#askObserver(project))) return
    const isNew = this.#parts.state.observations.newest(project) === undefined
    const refusal = this.#tooSoon(project, isNew) ?? this.#gate.take(isNew ? 'first' : 'revisit')
    if (refusal !== undefined) throw this.#visits.failed(project, refusal)
    await this.#visits.visit(project, { anew: !isOld })
    if (this.#parts.isElected()) this.#watch.asked(project)
  }

  /** What failed a moment ago most likely fails again; of an old page that is no hurry. */
  #tooSoon(project: ProjectName, isNew: boolean): UpstreamError | undefined {
    const { count, atMs } = this.#visits.failures(project)
    const waitMs = Math.min(backOffMs(count), isNew ? FIRST_AGAIN_MS : Infinity)
    const againMs = Math.ceil(atMs + waitMs - this.#parts.clock.monotonicMs())
    if (count === 0 || againMs <= 0) return undefined
    return new UpstreamError({ code: 'UPSTREAM_SPARED', why: this.#visits.trouble(project), againMs })
  }

  /** False: nobody could say, and this node has to find out by itself. */
  async #askObserver(project: ProjectName): Promise<boolean> {
    const answer = await this.#line?.ask(project)
    if (answer?.kind === 'observed') this.#visits.heard(project, answer.ageMs)
    else if (answer?.kind === 'missing') this.#visits.missing(project, answer.ageMs)
    else if (answer?.kind !== 'trouble' || this.ageMs(project) === undefined) return false
    else throw this.#visits.failed(project, new Error(answer.reason))
    return true
  }
}
