import type { FeedWant } from '../core/feed-heads.ts'
import { MAX_SYNC_FRAME_BYTES } from '../core/limits.ts'
import type { StoredEntry } from '../core/ports.ts'
import { MAX_ENTRIES_IN_PART, type SyncPage, type SyncPart } from './sync-messages.ts'
import type { SyncSource } from './sync-ports.ts'

/** What a part costs in its frame besides its entries, one entry besides its bytes, and the frame itself. */
const PART_OVERHEAD_BYTES = 24
const ENTRY_OVERHEAD_BYTES = 5
const FRAME_OVERHEAD_BYTES = 64

/**
 * The wanted entries, page by page, in the order of the wants. Holds one open read of the store and at most one entry
 * that did not fit into the page before. `close` ends it early.
 */
export class SyncPages {
  readonly #source: Pick<SyncSource, 'range'>
  readonly #wants: readonly FeedWant[]
  readonly #skipped = new Set<number>()
  #at = 0
  #entries: AsyncIterator<StoredEntry> | undefined
  #held: StoredEntry | undefined

  constructor(source: Pick<SyncSource, 'range'>, wants: readonly FeedWant[]) {
    this.#source = source
    this.#wants = wants
  }

  skip(wants: readonly number[]): void {
    for (const want of wants) this.#skipped.add(want)
  }

  async next(): Promise<SyncPage> {
    const parts: SyncPart[] = []
    let room = MAX_SYNC_FRAME_BYTES - FRAME_OVERHEAD_BYTES
    while (this.#at < this.#wants.length) {
      const { part, room: left, isFull } = await this.#part(room - PART_OVERHEAD_BYTES)
      if (part !== undefined) parts.push(part)
      if (isFull) return { parts, more: true }
      room = left
      await this.#nextWant()
    }
    return { parts, more: false }
  }

  async close(): Promise<void> {
    const entries = this.#entries
    this.#entries = undefined
    await entries?.return?.()
  }

  /** What fits of the want that is due. */
  async #part(
    room: number
  ): Promise<{ readonly part: SyncPart | undefined; readonly room: number; readonly isFull: boolean }> {
    const entries: Uint8Array[] = []
    let first: number | undefined
    let left = room
    for (;;) {
      const entry = await this.#peek()
      if (entry === undefined) return { part: this.#partOf(first, entries), room: left, isFull: false }
      left -= entry.bytes.byteLength + ENTRY_OVERHEAD_BYTES
      if (left < 0 || entries.length === MAX_ENTRIES_IN_PART) {
        return { part: this.#partOf(first, entries), room: left, isFull: true }
      }
      first ??= entry.seq
      entries.push(entry.bytes)
      this.#held = undefined
    }
  }

  #partOf(from: number | undefined, entries: readonly Uint8Array[]): SyncPart | undefined {
    return from === undefined || entries.length === 0 ? undefined : { want: this.#at, from, entries }
  }

  /** The next entry of the want that is due, which stays the next one until it is taken. */
  async #peek(): Promise<StoredEntry | undefined> {
    const want = this.#wants[this.#at]
    if (want === undefined || this.#skipped.has(this.#at)) return undefined
    if (this.#held !== undefined) return this.#held
    this.#entries ??= this.#source.range(want, want.from, want.to)[Symbol.asyncIterator]()
    const next = await this.#entries.next()
    this.#held = next.done === true ? undefined : next.value
    return this.#held
  }

  async #nextWant(): Promise<void> {
    await this.close()
    this.#held = undefined
    this.#at += 1
  }
}
