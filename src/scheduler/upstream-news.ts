import { messageOf } from '../core/errors.ts'
import type { ProjectName } from '../core/ids.ts'
import { HINT_POLL_MS, LIST_POLL_MS, NO_NEWS_MS } from '../core/limits.ts'
import type { Clock, Log, Random, UpstreamNews } from '../core/ports.ts'
import { backOffMs } from '../core/retry.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { jittered, type UpstreamGate } from './upstream-gate.ts'

export interface NewsReaderParts {
  readonly news: UpstreamNews
  readonly gate: UpstreamGate
  readonly clock: Clock
  readonly log: Log
  readonly random?: Random | undefined
  /** The feed names projects that it did not name the last time. */
  onUpdated(projects: readonly ProjectName[]): void
  /** One read of the list begins: what it says, and whether it came whole. */
  onList(): ListReader
}

export interface ListReader {
  listed(project: ProjectName, serial: number): void
  /** Not called when the list broke off. */
  ended(projects: number): void
}

interface Turn {
  dueMs: number
  failures: number
  etag: string
  running: boolean
}

/**
 * Reads what upstream says of many projects at once: the feed of updates every minute or two, the list of all serials a few times a
 * day. Both only say where to look: what a page says is taken from the page.
 */
export class NewsReader {
  readonly #parts: NewsReaderParts
  readonly #ending = new AbortController()
  readonly #feed: Turn = { dueMs: -Infinity, failures: 0, etag: '', running: false }
  readonly #list: Turn
  #running = new Set<Promise<void>>()
  #told = new Set<string>()

  constructor(parts: NewsReaderParts, firstListMs: number) {
    this.#parts = parts
    const dueMs = parts.clock.monotonicMs() + jittered(firstListMs, parts.random)
    this.#list = { dueMs, failures: 0, etag: '', running: false }
  }

  tick(): void {
    this.#start(this.#feed, () => this.#readFeed())
    this.#start(this.#list, () => this.#readList())
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('the node stops'))
    await Promise.allSettled(this.#running)
  }

  #start(turn: Turn, read: () => Promise<number>): void {
    const { clock, gate, random, log } = this.#parts
    if (turn.running || turn.dueMs > clock.monotonicMs() || gate.take('news') !== undefined) return
    turn.running = true
    const reading = gate
      .run(read)
      .then((nextMs) => {
        turn.failures = 0
        turn.dueMs = clock.monotonicMs() + jittered(nextMs, random)
      })
      .catch((error: unknown) => {
        turn.failures++
        turn.dueMs = clock.monotonicMs() + jittered(backOffMs(turn.failures), random)
        if (!this.#ending.signal.aborted) log.debug('no news of upstream', { why: messageOf(error) })
      })
      .finally(() => {
        turn.running = false
        this.#running.delete(reading)
      })
    this.#running.add(reading)
  }

  /** Milliseconds until the next time. */
  async #readFeed(): Promise<number> {
    const { news, log } = this.#parts
    const answer = await news.updates({ signal: this.#ending.signal, etag: this.#feed.etag })
    if (answer.kind === 'missing') {
      log.info('upstream has no feed of updates: pages are asked for in turn only')
      return NO_NEWS_MS
    }
    if (answer.kind === 'updates') {
      this.#feed.etag = answer.etag
      const fresh = answer.updates.filter(({ id }) => !this.#told.has(id))
      this.#told = new Set(answer.updates.map(({ id }) => id))
      if (fresh.length > 0) this.#parts.onUpdated([...new Set(fresh.map(({ project }) => project))])
    }
    return HINT_POLL_MS
  }

  async #readList(): Promise<number> {
    const { news, log } = this.#parts
    const reader = this.#parts.onList()
    const { signal } = this.#ending
    const answer = await news
      .projects({ signal, etag: this.#list.etag, onProject: reader.listed.bind(reader) })
      .catch((error: unknown) => {
        if (!isNoList(error)) throw error
        log.info('upstream lists no projects: nothing is compared with its list', { why: messageOf(error) })
      })
    if (answer === undefined) return NO_NEWS_MS
    if (answer.kind === 'not-modified') return LIST_POLL_MS
    reader.ended(answer.projects)
    this.#list.etag = answer.etag
    log.debug('the list of upstream was read', { projects: answer.projects, serials: answer.serials })
    if (answer.serials) return LIST_POLL_MS
    log.info('upstream lists no serials: its list tells which projects there are, not which changed')
    return NO_NEWS_MS
  }
}

/** It answers, and has no list, or none that can be read. */
function isNoList(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false
  const { detail } = error
  return (
    detail.code === 'UPSTREAM_MALFORMED' ||
    detail.code === 'UPSTREAM_TOO_LARGE' ||
    (detail.code === 'UPSTREAM_UNAVAILABLE' && [401, 403, 404, 405, 410].includes(detail.status))
  )
}
