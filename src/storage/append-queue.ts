import type { FeedHead, StoredEntry } from '../core/ports.ts'
import { encodeHead, entryKey, feedKey } from './keys.ts'
import type { Database, KeySpace } from './open-database.ts'
import { StorageError, toStorageError } from './storage-error.ts'

interface Waiting {
  readonly entries: readonly StoredEntry[]
  readonly sync: boolean
  resolve(): void
  reject(error: unknown): void
}

interface Put {
  readonly type: 'put'
  readonly sublevel: KeySpace
  readonly key: string
  readonly value: Uint8Array
}

interface BatchOptions {
  readonly keyEncoding: 'utf8'
  readonly valueEncoding: 'view'
  /** LevelDB's own; memory-level has no disk and passes over it. */
  readonly sync: boolean
}

/** One write at a time goes to the disk with at most this much, so that a burst cannot hold it in memory twice. */
const MAX_GROUP_BYTES = 4 * 1024 * 1024

/**
 * Appends one after the other, so that a feed can never have a later entry on the disk without the one before. Whatever
 * arrives while a write is under way shares the next one: a synced write costs a Pi's SD card tens of milliseconds.
 */
export class AppendQueue {
  readonly #database: Database
  readonly #heads: Map<string, FeedHead>
  #waiting: Waiting[] = []
  #running = false

  /** `heads` is kept up to date: it never says more than the disk. */
  constructor(database: Database, heads: Map<string, FeedHead>) {
    this.#database = database
    this.#heads = heads
  }

  append(entries: readonly StoredEntry[], sync: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entries, sync, resolve, reject })
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0) await this.#writeGroup(this.#takeGroup())
    this.#running = false
  }

  #takeGroup(): readonly Waiting[] {
    let bytes = 0
    let count = 0
    for (const { entries } of this.#waiting) {
      bytes += entries.reduce((sum, entry) => sum + entry.bytes.byteLength, 0)
      if (count > 0 && bytes > MAX_GROUP_BYTES) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  /** Never rejects: each caller hears of its own entries. */
  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const ends = new Map<string, FeedHead>()
    const accepted = group.filter((waiting) => this.#accept(waiting, ends))
    try {
      const sync = accepted.some((waiting) => waiting.sync)
      const puts = accepted.flatMap(({ entries }) => entries.map((entry) => this.#putEntry(entry)))
      if (puts.length > 0) await this.#write([...puts, ...this.#putHeads(ends)], sync)
      for (const [key, head] of ends) this.#heads.set(key, head)
      for (const waiting of accepted) waiting.resolve()
    } catch (error) {
      const told = toStorageError(error, this.#database.folder)
      for (const waiting of accepted) waiting.reject(told)
    }
  }

  /** Moves `ends` on by the entries, or rejects all of them. */
  #accept(waiting: Waiting, ends: Map<string, FeedHead>): boolean {
    try {
      const headOf = (key: string): FeedHead | undefined => ends.get(key) ?? this.#heads.get(key)
      for (const [key, head] of movedHeads(waiting.entries, headOf)) ends.set(key, head)
      return true
    } catch (error) {
      waiting.reject(error)
      return false
    }
  }

  #putEntry(entry: StoredEntry): Put {
    return {
      type: 'put',
      sublevel: this.#database.entries,
      key: entryKey(entry, entry.seq),
      value: entry.bytes
    }
  }

  #putHeads(ends: ReadonlyMap<string, FeedHead>): readonly Put[] {
    return [...ends].map(([key, head]) => ({
      type: 'put',
      sublevel: this.#database.heads,
      key,
      value: encodeHead(head)
    }))
  }

  async #write(puts: Put[], sync: boolean): Promise<void> {
    const options: BatchOptions = { keyEncoding: 'utf8', valueEncoding: 'view', sync }
    await this.#database.level.batch<string, Uint8Array>(puts, options)
  }
}

/** Where the entries leave their feeds. Throws when one does not follow its predecessor. */
function movedHeads(
  entries: readonly StoredEntry[],
  headOf: (key: string) => FeedHead | undefined
): ReadonlyMap<string, FeedHead> {
  const moved = new Map<string, FeedHead>()
  for (const { node, incarnation, seq, hash } of entries) {
    const key = feedKey({ node, incarnation })
    const expected = ((moved.get(key) ?? headOf(key))?.seq ?? 0) + 1
    if (seq !== expected) {
      const feed = `${node}/${incarnation}`
      throw new StorageError({ code: 'STORAGE_OUT_OF_ORDER', feed, expected, seq })
    }
    moved.set(key, { node, incarnation, seq, hash })
  }
  return moved
}
