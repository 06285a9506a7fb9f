import type { AbstractChainedBatch } from 'abstract-level'
import type { AppendOptions, FeedHead, RowChange, StoredEntry } from '../core/ports.ts'
import { encodeHead, entryKey, feedKey } from './keys.ts'
import type { AnyLevel, Database, KeySpace } from './open-database.ts'
import { StorageError } from './storage-error.ts'

interface Waiting extends AppendOptions {
  readonly entries: readonly StoredEntry[]
  resolve(): void
  reject(error: unknown): void
}

/** One change of one write. */
export type Change =
  | { readonly type: 'put'; readonly sublevel: KeySpace; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly sublevel: KeySpace; readonly key: string }

type Batch = AbstractChainedBatch<AnyLevel, string, Uint8Array>

interface WriteOptions {
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

  append(entries: readonly StoredEntry[], options: AppendOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...options, entries, resolve, reject })
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
    for (const { entries, rows = [] } of this.#waiting) {
      bytes += entries.reduce((sum, entry) => sum + entry.bytes.byteLength, 0)
      bytes += rows.reduce((sum, row) => sum + (row.value?.byteLength ?? 0), 0)
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
      const trouble = this.#database.health.writeTrouble
      if (trouble !== undefined) throw trouble
      const sync = accepted.some((waiting) => waiting.sync)
      if (accepted.length > 0) await this.#write(accepted, ends, sync)
      for (const [key, head] of ends) this.#heads.set(key, head)
      for (const waiting of accepted) waiting.resolve()
    } catch (error) {
      const told = this.#database.health.writeFailed(error)
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

  /** In the order of the calls: of two changes of one row the later call's counts. */
  #write(accepted: readonly Waiting[], ends: ReadonlyMap<string, FeedHead>, sync: boolean): Promise<void> {
    const { entries, heads, views } = this.#database
    return writeBatch(this.#database, sync, (put, remove) => {
      for (const waiting of accepted) {
        for (const entry of waiting.entries) put(entries, entryKey(entry, entry.seq), entry.bytes)
        for (const { key, value } of waiting.rows ?? [])
          if (value === undefined) remove(views, key)
          else put(views, key, value)
      }
      for (const [key, head] of ends) put(heads, key, encodeHead(head))
    })
  }
}

type Put = (sublevel: KeySpace, key: string, value: Uint8Array) => void
type Remove = (sublevel: KeySpace, key: string) => void

/**
 * One write, all of it or nothing. Put by put: handing over a whole array costs LevelDB's binding five times as much a row,
 * 9 µs in place of 2, which is most of what taking in a ledger costs.
 */
async function writeBatch(
  { level }: Database,
  sync: boolean,
  fill: (put: Put, remove: Remove) => void
): Promise<void> {
  const batch: Batch = level.batch()
  try {
    // The whole key by hand: a sublevel given with each operation makes three objects of it.
    fill(
      (sublevel, key, value) => batch.put(sublevel.prefix + key, value),
      (sublevel, key) => batch.del(sublevel.prefix + key)
    )
  } catch (error) {
    await batch.close()
    throw error
  }
  const options: WriteOptions = { sync }
  await batch.write(options)
}

export async function writeChanges(
  database: Database,
  changes: readonly Change[],
  sync: boolean
): Promise<void> {
  await writeBatch(database, sync, (put, remove) => {
    for (const change of changes)
      if (change.type === 'put') put(change.sublevel, change.key, change.value)
      else remove(change.sublevel, change.key)
  })
}

/** Changes of stored views, as the database takes them. */
export function rowChanges({ views }: Database, rows: readonly RowChange[]): readonly Change[] {
  return rows.map(({ key, value }) =>
    value === undefined ? { type: 'del', sublevel: views, key } : { type: 'put', sublevel: views, key, value }
  )
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
