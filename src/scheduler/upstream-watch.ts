import { messageOf } from '../core/errors.ts'
import type { ProjectName } from '../core/ids.ts'
import {
  ASKED_FOR_MS,
  DEMAND_WATCH_MS,
  HINT_AGAIN_MS,
  LIST_FIRST_MS,
  MAX_ASKED_PROJECTS,
  MAX_BACKLOG_PROJECTS
} from '../core/limits.ts'
import type { Clock, Log, Random, UpstreamIndex } from '../core/ports.ts'
import { backOffMs } from '../core/retry.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { Recent } from '../ledger/recent.ts'
import type { PageVisits } from './page-visits.ts'
import { jittered, type UpstreamGate } from './upstream-gate.ts'
import { NewsReader, type ListReader } from './upstream-news.ts'
import { VisitQueue } from './visit-queue.ts'

export interface UpstreamWatchParts {
  readonly state: MeshState
  readonly upstream: UpstreamIndex
  readonly visits: PageVisits
  readonly gate: UpstreamGate
  readonly clock: Clock
  readonly log: Log
  readonly random?: Random | undefined
}

export interface UpstreamWatchOptions {
  readonly pollMs: number
  readonly follow?: 'watched' | 'everything'
}

/** Pages asked for at once by the elected observer; of the client's slots some stay free for people who wait. */
const MAX_VISITS_AT_ONCE = 4
/** Each period is shortened by up to so much at random: never longer than it is said to be. */
const EARLY_SHARE = 0.1

/** What the elected observer visits, and when: the wanted projects and those that clients asked for, each within a period. */
export class UpstreamWatch {
  readonly #parts: UpstreamWatchParts
  readonly #options: UpstreamWatchOptions
  readonly #queue = new VisitQueue()
  readonly #asked = new Recent<ProjectName, number>(MAX_ASKED_PROJECTS, () => 1)
  readonly #visiting = new Map<ProjectName, Promise<void>>()
  /** Named by the feed: visited now, and once more soon. */
  readonly #hinted = new Set<ProjectName>()
  /** With `follow: everything`: known to be behind, and watched by nobody. */
  readonly #backlog = new Set<ProjectName>()
  #news: NewsReader | undefined

  constructor(parts: UpstreamWatchParts, options: UpstreamWatchOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Projects in turn. */
  get size(): number {
    return this.#queue.size + this.#visiting.size
  }

  get backlog(): number {
    return this.#backlog.size
  }

  /** A client asked for a page that exists: it is in turn for a while. */
  asked(project: ProjectName): void {
    this.#asked.set(project, this.#nowMs())
    if (!this.#isInTurn(project)) this.#queue.put(project, this.#dueMs(project))
  }

  tick(): void {
    for (const project of this.#parts.state.wishes.projects())
      if (!this.#isInTurn(project) && this.#isWanted(project)) this.#queue.put(project, this.#dueMs(project))
    this.#visitDue()
    this.#visitBacklog()
    this.#news ??= this.#createNews()
    this.#news?.tick()
  }

  /** Another node follows upstream. */
  rest(): void {
    this.#queue.clear()
    this.#backlog.clear()
    this.#hinted.clear()
  }

  async stop(): Promise<void> {
    await this.#news?.stop()
    await Promise.allSettled(this.#visiting.values())
  }

  #isInTurn(project: ProjectName): boolean {
    return this.#queue.has(project) || this.#visiting.has(project)
  }

  /** A want that stands for what clients need does not hold a project for ever. */
  #isWanted(project: ProjectName): boolean {
    const sinceMs = this.#parts.clock.wallMs() - DEMAND_WATCH_MS
    const wishes = this.#parts.state.wishes.forProject(project)
    return wishes.some(({ priority, createdMs }) => priority !== 'popular' || createdMs > sinceMs)
  }

  #isWatched(project: ProjectName): boolean {
    if (this.#nowMs() - (this.#asked.get(project) ?? -Infinity) < ASKED_FOR_MS) return true
    return this.#isWanted(project)
  }

  /** After a failure a wait of its own, else a period after the last observation, whoever made it. */
  #dueMs(project: ProjectName): number {
    const { visits, random } = this.#parts
    const { count, atMs } = visits.failures(project)
    if (count > 0) return atMs + jittered(backOffMs(count), random)
    const early = random === undefined ? 0 : EARLY_SHARE * random.float()
    const restMs = this.#options.pollMs * (1 - early) - (visits.ageMs(project) ?? Infinity)
    return this.#nowMs() + Math.max(0, restMs)
  }

  #visitDue(): void {
    const { gate, state } = this.#parts
    while (this.#visiting.size < MAX_VISITS_AT_ONCE) {
      const project = this.#queue.take(this.#nowMs())
      if (project === undefined) return
      if (!this.#isWatched(project)) continue
      const isNew = state.observations.newest(project) === undefined
      const refusal = isNew && gate.take('first') === undefined ? undefined : gate.take('revisit')
      if (refusal === undefined) this.#visit(project)
      else {
        const againMs = refusal.detail.code === 'UPSTREAM_SPARED' ? refusal.detail.againMs : 0
        this.#queue.put(project, this.#nowMs() + againMs)
        return
      }
    }
  }

  #visitBacklog(): void {
    const [project] = this.#backlog
    if (project === undefined || this.#visiting.size >= MAX_VISITS_AT_ONCE) return
    if (this.#parts.gate.take('backlog') !== undefined) return
    this.#backlog.delete(project)
    if (!this.#isInTurn(project)) this.#visit(project)
  }

  #visit(project: ProjectName): void {
    const { visits, gate, log } = this.#parts
    const visiting = visits
      .visit(project)
      .catch((error: unknown) => {
        // Of trouble with all of upstream the gate speaks, once.
        const say = gate.trouble() === '' ? log.warn.bind(log) : log.debug.bind(log)
        say('upstream could not be asked', { project, error: messageOf(error) })
      })
      .finally(() => {
        this.#visiting.delete(project)
        const isHinted = this.#hinted.delete(project)
        if (!this.#isWatched(project)) return
        const dueMs = this.#dueMs(project)
        this.#queue.put(project, isHinted ? Math.min(dueMs, this.#nowMs() + HINT_AGAIN_MS) : dueMs)
      })
    this.#visiting.set(project, visiting)
  }

  #createNews(): NewsReader | undefined {
    const { upstream, ...parts } = this.#parts
    return (
      upstream.news &&
      new NewsReader(
        {
          ...parts,
          news: upstream.news,
          onUpdated: (projects) => {
            for (const project of projects) this.#updated(project)
          },
          onList: () => this.#compare()
        },
        this.#options.follow === 'everything' ? 0 : LIST_FIRST_MS
      )
    )
  }

  #updated(project: ProjectName): void {
    this.#parts.visits.mayExist(project)
    if (this.#isInTurn(project)) {
      this.#hinted.add(project)
      this.#queue.hurry(project, this.#nowMs())
    } else this.#isBehind(project)
  }

  /** What upstream's list says against what is known: a higher serial, or a project that it no longer names. */
  #compare(): ListReader {
    const { state, visits } = this.#parts
    const unseen = new Set(this.#queue.projects())
    return {
      listed: (project, serial) => {
        unseen.delete(project)
        visits.mayExist(project)
        const known = state.observations.newest(project)?.record
        if (known !== undefined && serial <= known.serial) return
        if (!this.#queue.has(project)) this.#isBehind(project)
        else if (serial > 0) {
          visits.expect(project, serial)
          this.#queue.hurry(project, this.#nowMs())
        }
      },
      ended: () => {
        for (const project of unseen)
          if (state.observations.newest(project)?.record.page !== undefined)
            this.#queue.hurry(project, this.#nowMs())
      }
    }
  }

  #isBehind(project: ProjectName): void {
    if (this.#options.follow === 'everything' && this.#backlog.size < MAX_BACKLOG_PROJECTS)
      this.#backlog.add(project)
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs()
  }
}
