import type { ShardId } from '../core/coordination.ts'
import { feedKey } from '../core/feed-heads.ts'
import type { AppendOptions, EntryStore, FeedCut, FeedHead, StoredEntry } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'
import { MemoryRows } from '../ledger/memory-rows.ts'
import type { WitnessStore } from '../scheduler/coordination.ts'
import type { WitnessMemory } from '../scheduler/lease-witness.ts'
import type { Dice } from './seeded-random.ts'

/** How long a synced write takes: a good SD card most of the time. */
const SYNC_MEAN_MS = 15

export interface DiskHost {
  /** Of the simulated world, in milliseconds. */
  nowMs(): number
  /** Runs later on this node, unless its process has died by then. */
  later(inMs: number, run: () => void): void
}

/** One node's disk. What was not synced when the power went is lost from some point on, as in LevelDB's log. */
export class SimDisk {
  readonly #dice: Dice
  /** In the order of writing; the first `#durable` survive a crash for certain. */
  #log: StoredEntry[] = []
  #durable = 0
  #feeds = new Map<string, StoredEntry[]>()
  readonly #cuts = new Map<string, FeedCut>()
  readonly #witness = new Map<ShardId, WitnessMemory>()
  /** Rows of entries that a crash took are found out by their number: they are made anew then, as after any loss. */
  readonly rows = new MemoryRows()
  /** A card that is slower by this factor, for a while. */
  slowness = 1
  /** When a write last took long. */
  lastSlowMs = -Infinity
  /** Every write fails: the disk is full. */
  full = false

  constructor(dice: Dice) {
    this.#dice = dice
  }

  /** The power goes. Returns how many entries were lost. */
  crash(): number {
    const before = this.#log.length
    const kept = this.#durable + Math.floor(this.#dice.random.float() * (before - this.#durable + 1))
    this.#log = this.#log.slice(0, kept)
    this.#durable = kept
    this.#feeds = new Map()
    for (const entry of this.#log) this.#index(entry)
    this.full = false
    this.slowness = 1
    return before - kept
  }

  entryStore(host: DiskHost): EntryStore {
    return {
      heads: async () => [...this.#feeds.values()].map((feed) => headOf(feed.at(-1))),
      append: (entries, options) => this.#append(host, entries, options),
      range: (feed, fromSeq, toSeq) => this.#range(feed, fromSeq, toSeq),
      all: () => this.#all(),
      forks: async () => [...this.#cuts.values()].map(({ place }) => place),
      proof: async (feed) => this.#cuts.get(feedKey(feed))?.proof,
      cut: (cut) =>
        this.#synced(host, () => {
          this.#cut(cut)
        })
    }
  }

  witnessStore(host: DiskHost): WitnessStore {
    return {
      load: async (shard) => this.#witness.get(shard),
      save: (shard, memory) =>
        this.#synced(host, () => {
          this.#witness.set(shard, memory)
        })
    }
  }

  entries(): readonly StoredEntry[] {
    return this.#log
  }

  async #append(
    host: DiskHost,
    entries: readonly StoredEntry[],
    { sync, rows = [] }: AppendOptions
  ): Promise<void> {
    if (this.full) throw new Error('no space left on device')
    this.#log.push(...entries)
    const written = this.#log.length
    if (sync) {
      await this.#synced(host, () => {
        this.#durable = Math.max(this.#durable, written)
      })
    }
    // Readers see what was acknowledged, not what is still on its way to the disk.
    for (const entry of entries) this.#index(entry)
    this.rows.put(rows)
  }

  /** Durable at some moment before the writer hears of it: a crash between the two keeps what was written. */
  #synced(host: DiskHost, done: () => void): Promise<void> {
    if (this.full) return Promise.reject(new Error('no space left on device'))
    const waitMs = (1 + this.#dice.exponential(SYNC_MEAN_MS)) * this.slowness
    if (this.slowness > 1) this.lastSlowMs = host.nowMs() + waitMs
    return new Promise((resolve) => {
      host.later(waitMs * 0.9, done)
      host.later(waitMs, resolve)
    })
  }

  #cut(cut: FeedCut): void {
    const { place, head } = cut
    const stays = (entry: StoredEntry): boolean =>
      feedKey(entry) !== feedKey(place) || entry.seq <= (head?.seq ?? 0)
    this.#durable = this.#log.slice(0, this.#durable).filter(stays).length
    this.#log = this.#log.filter(stays)
    this.#feeds = new Map()
    for (const entry of this.#log) this.#index(entry)
    this.#cuts.set(feedKey(place), cut)
  }

  #index(entry: StoredEntry): void {
    const key = feedKey(entry)
    const feed = this.#feeds.get(key)
    if (feed === undefined) this.#feeds.set(key, [entry])
    else feed.push(entry)
  }

  async *#range(feed: FeedId, fromSeq: number, toSeq = Infinity): AsyncIterable<StoredEntry> {
    const entries = this.#feeds.get(feedKey(feed)) ?? []
    for (let seq = Math.max(1, fromSeq); seq <= Math.min(toSeq, entries.length); seq++) {
      const entry = entries[seq - 1]
      if (entry !== undefined) yield entry
    }
  }

  async *#all(): AsyncIterable<StoredEntry> {
    for (const feed of this.#feeds.values()) yield* feed
  }
}

function headOf(entry: StoredEntry | undefined): FeedHead {
  if (entry === undefined) throw new TypeError('a feed has at least one entry')
  const { node, incarnation, seq, hash } = entry
  return { node, incarnation, seq, hash }
}
