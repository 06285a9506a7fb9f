import type {
  AbortOptions,
  Clock,
  EntryStore,
  FeedCut,
  FeedHead,
  ForkPlace,
  Log,
  StoredEntry
} from '../../src/core/ports.ts'
import type { FeedId } from '../../src/core/record.ts'

interface Sleeper {
  readonly wakeAtMs: number
  wake(): void
}

/** A clock that moves only when told to, waking sleepers in deadline order. */
export class FakeClock implements Clock {
  #nowMs = 0
  #sleepers: Sleeper[] = []
  readonly #epochMs: number

  constructor(epochMs = 1_700_000_000_000) {
    this.#epochMs = epochMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#epochMs + this.#nowMs
  }

  async sleep(ms: number, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        reject(signal?.reason as Error)
      }
      const wake = (): void => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const sleeper: Sleeper = { wakeAtMs: this.#nowMs + ms, wake }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    for (let next = this.#nextBefore(untilMs); next !== undefined; next = this.#nextBefore(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.wakeAtMs)
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next)
      next.wake()
      await new Promise(setImmediate)
    }
    this.#nowMs = untilMs
    await new Promise(setImmediate)
  }

  #nextBefore(untilMs: number): Sleeper | undefined {
    return this.#sleepers.filter((s) => s.wakeAtMs <= untilMs).sort((a, b) => a.wakeAtMs - b.wakeAtMs)[0]
  }
}

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined
}

/** An EntryStore in memory whose next write can be made to fail. */
export class MemoryEntryStore implements EntryStore {
  entries: StoredEntry[] = []
  readonly cuts: FeedCut[] = []
  failNext: Error | undefined

  async heads(): Promise<readonly FeedHead[]> {
    const heads = new Map<string, FeedHead>()
    for (const { node, incarnation, seq, hash } of this.entries) {
      heads.set(`${node}/${incarnation}`, { node, incarnation, seq, hash })
    }
    return [...heads.values()]
  }

  async append(entries: readonly StoredEntry[]): Promise<void> {
    this.#throwIfFailing()
    this.entries.push(...entries)
  }

  async *range(feed: FeedId, fromSeq: number, toSeq = Infinity): AsyncIterable<StoredEntry> {
    for (const entry of this.entries) {
      const mine = entry.node === feed.node && entry.incarnation === feed.incarnation
      if (mine && entry.seq >= fromSeq && entry.seq <= toSeq) yield entry
    }
  }

  async *all(): AsyncIterable<StoredEntry> {
    yield* this.entries
  }

  async forks(): Promise<readonly ForkPlace[]> {
    return this.cuts.map(({ place }) => place)
  }

  async proof(feed: FeedId): Promise<Uint8Array | undefined> {
    return this.cuts.find(({ place }) => isOf(feed, place))?.proof
  }

  async cut(cut: FeedCut): Promise<void> {
    this.#throwIfFailing()
    const before = this.cuts.findIndex(({ place }) => isOf(cut.place, place))
    if (before >= 0) this.cuts.splice(before, 1)
    this.cuts.push(cut)
    this.entries = this.entries.filter(
      (entry) => !isOf(cut.place, entry) || entry.seq <= (cut.head?.seq ?? 0)
    )
  }

  #throwIfFailing(): void {
    const error = this.failNext
    this.failNext = undefined
    if (error !== undefined) throw error
  }
}

function isOf(feed: FeedId, other: FeedId): boolean {
  return feed.node === other.node && feed.incarnation === other.incarnation
}
