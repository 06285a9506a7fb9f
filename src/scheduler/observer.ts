import { sha256Hex } from '../core/digest.ts'
import { messageOf } from '../core/errors.ts'
import type { ProjectName } from '../core/ids.ts'
import type { BlobStore, Clock, Log, UpstreamIndex, UpstreamPage } from '../core/ports.ts'
import type { ObservedRecord } from '../core/record.ts'
import { backOffMs } from '../core/retry.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { PageBook } from '../ledger/page-book.ts'

export interface ObserverParts {
  readonly state: MeshState
  readonly pages: PageBook
  readonly upstream: UpstreamIndex
  readonly store: BlobStore
  readonly ledger: Pick<Ledger, 'append'>
  readonly clock: Clock
  readonly log: Log
  /** This node is the one that follows upstream for the mesh. */
  isElected(): boolean
}

export interface ObserverOptions {
  readonly pollMs: number
}

/** Projects asked for at once by the elected observer. */
const MAX_POLLS_AT_ONCE = 4

interface Check {
  readonly atMs: number
  readonly etag: string
  readonly failures: number
  readonly error: string
}

/** Reads project pages from upstream and puts what is news into the ledger. */
export interface Observer {
  /** Asks upstream once, now. Throws when no answer could be had. */
  refresh(project: ProjectName): Promise<void>
  /** Milliseconds since this node asked for the project itself, or since the newest observation by anybody. */
  ageMs(project: ProjectName): number | undefined
  /** What went wrong at the last try, `''` when nothing did. */
  trouble(project: ProjectName): string
  /** The elected observer's turn: wanted projects that are new or due. */
  tick(): void
  stop(): Promise<void>
}

export function createObserver(parts: ObserverParts, options: ObserverOptions): Observer {
  return new UpstreamObserver(parts, options)
}

class UpstreamObserver implements Observer {
  readonly #parts: ObserverParts
  readonly #options: ObserverOptions
  readonly #checks = new Map<ProjectName, Check>()
  readonly #running = new Map<ProjectName, Promise<void>>()
  readonly #ending = new AbortController()

  constructor(parts: ObserverParts, options: ObserverOptions) {
    this.#parts = parts
    this.#options = options
  }

  refresh(project: ProjectName): Promise<void> {
    const known = this.#running.get(project)
    if (known !== undefined) return known
    const asking = this.#ask(project).finally(() => this.#running.delete(project))
    this.#running.set(project, asking)
    return asking
  }

  ageMs(project: ProjectName): number | undefined {
    const { clock, state } = this.#parts
    const observation = state.observations.newest(project)
    if (observation === undefined) return undefined
    const recorded = Math.max(0, clock.wallMs() - observation.record.observedMs)
    const check = this.#checks.get(project)
    return check?.failures === 0 ? Math.min(recorded, clock.monotonicMs() - check.atMs) : recorded
  }

  trouble(project: ProjectName): string {
    return this.#checks.get(project)?.error ?? ''
  }

  tick(): void {
    if (!this.#parts.isElected()) return
    for (const project of this.#parts.state.wishes.projects()) {
      if (this.#running.size >= MAX_POLLS_AT_ONCE) return
      if (!this.#isDue(project)) continue
      this.refresh(project).catch((error: unknown) => {
        this.#parts.log.warn('upstream could not be asked', { project, error: messageOf(error) })
      })
    }
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('the node stops'))
    await Promise.allSettled(this.#running.values())
  }

  #isDue(project: ProjectName): boolean {
    if (this.#running.has(project) || this.#parts.state.wishes.forProject(project).length === 0) return false
    const check = this.#checks.get(project)
    if (check !== undefined && check.failures > 0) {
      return this.#parts.clock.monotonicMs() - check.atMs >= backOffMs(check.failures)
    }
    return (this.ageMs(project) ?? Infinity) >= this.#options.pollMs
  }

  async #ask(project: ProjectName): Promise<void> {
    const { clock, upstream, pages } = this.#parts
    const before = this.#checks.get(project)
    // The tag of a page that this node has lost would make upstream say "you have it".
    const etag = pages.page(project) === undefined ? '' : (before?.etag ?? '')
    try {
      const answer = await upstream.project(project, {
        signal: this.#ending.signal,
        ...(etag === '' ? {} : { etag })
      })
      if (answer.kind === 'page') await this.#record(project, answer.page)
      if (answer.kind === 'missing') await this.#recordMissing(project)
      const fresh = answer.kind === 'page' ? answer.page.etag : answer.kind === 'missing' ? '' : etag
      this.#checks.set(project, { atMs: clock.monotonicMs(), etag: fresh, failures: 0, error: '' })
    } catch (error) {
      const failures = (before?.failures ?? 0) + 1
      this.#checks.set(project, { atMs: clock.monotonicMs(), etag, failures, error: messageOf(error) })
      throw error
    }
  }

  async #record(project: ProjectName, page: UpstreamPage): Promise<void> {
    const { state, ledger, pages, clock } = this.#parts
    const digest = sha256Hex(page.body)
    const newest = state.observations.newest(project)?.record
    if (newest?.page === digest) {
      // Unchanged, but its bytes are not here and nobody gave them.
      if (pages.page(project) === undefined) await this.#keep(project, page)
      return
    }
    // A page with a lower serial than the mesh has seen comes from a cache that lags behind.
    if (page.serial < (newest?.serial ?? 0)) return
    await this.#keep(project, page)
    await ledger.append({
      kind: 'observed',
      project,
      serial: page.serial,
      page: digest,
      pageSize: page.body.byteLength,
      observedMs: laterThan(newest, clock)
    })
  }

  async #keep(project: ProjectName, page: UpstreamPage): Promise<void> {
    const { digest } = await this.#parts.store.write(once(page.body))
    this.#parts.pages.put(project, digest, page.body)
  }

  async #recordMissing(project: ProjectName): Promise<void> {
    const { state, ledger, clock } = this.#parts
    const newest = state.observations.newest(project)?.record
    if (newest !== undefined && newest.page === undefined) return
    const serial = newest?.serial ?? 0
    await ledger.append({
      kind: 'observed',
      project,
      serial,
      pageSize: 0,
      observedMs: laterThan(newest, clock)
    })
  }
}

/** An observation replaces the one before it, even if that one's observer had a clock that ran ahead. */
function laterThan(newest: ObservedRecord | undefined, clock: Clock): number {
  return Math.max(clock.wallMs(), (newest?.observedMs ?? 0) + 1)
}

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body
}
