import { CodedError, messageOf } from '../core/errors.ts'
import { feedKey } from '../core/feed-heads.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import type { Clock, EntryStore, FeedHead, ForkPlace, GossipBus, Log, StoredEntry } from '../core/ports.ts'
import type { Entry, FeedId, MeshRecord } from '../core/record.ts'
import type { EntryCodec } from './entry-codec.ts'
import { type FeedFork, ForkJudge } from './fork-judge.ts'
import type { OwnFeed } from './own-feed.ts'
import type { LedgerViews } from './views.ts'
import { OwnWriter } from './own-writer.ts'
import { headOf, isChain, refused, storedOf, type Admission, type Received } from './received.ts'
import { createRecordBatcher, type RecordBatcher } from './record-batcher.ts'

export { verdictOf, type Admission } from './received.ts'

/** Appending to a ledger that is going down. */
class LedgerError extends CodedError<{ readonly code: 'LEDGER_STOPPED' }> {}

export interface LedgerParts {
  readonly store: EntryStore
  readonly codec: EntryCodec
  readonly clock: Clock
  readonly log: Log
  /** Told about own entries once they are on disk. */
  readonly bus: Pick<GossipBus, 'publish'>
  /** Under which incarnation own records are written; until that is known they wait. */
  readonly ownFeed: OwnFeed
  /** Views that are stored with the entries; without, each start tells all entries anew. */
  readonly views?: LedgerViews | undefined
  /** It belongs to the mesh, or did: what it wrote then must reach everybody. */
  wasAdmitted(node: NodeId): boolean
}

export interface LedgerOptions {
  readonly meshId: MeshId
  readonly self: NodeId
}

/** The set of all feeds on this node: the only door through which records come in. */
export interface Ledger {
  /** Opens the stored feeds and the views of them. */
  load(): Promise<void>
  /** Writes records into the own feed; resolves with their record ids when they are on disk. What is told to peers afterwards may get lost: sync repairs it. */
  append(...records: readonly MeshRecord[]): Promise<readonly string[]>
  /** One entry from elsewhere. */
  admit(bytes: Uint8Array): Promise<Admission>
  /** Consecutive entries of one feed from elsewhere: a chain check each, one signature at the end. */
  admitRange(entries: readonly Uint8Array[]): Promise<Admission>
  heads(): readonly FeedHead[]
  range(feed: FeedId, fromSeq: number, toSeq?: number): AsyncIterable<StoredEntry>
  /** Runs for every entry that comes in, in feed order, once it and its rows are stored; must not throw. Without stored views `load` runs it, too. */
  onEntry(listener: (entry: Entry) => void): void
  /** Runs when an entry came whose predecessors are missing. */
  onGap(listener: () => void): void
  /** Runs when the author of a feed turns out to have written two histories, and at `load` for each that is known; entries wait for it. */
  onFork(listener: (fork: FeedFork) => Promise<void> | void): void
  /** Where feeds are cut, one place a feed; the same objects as long as they stay the same. */
  proofs(): readonly ForkPlace[]
  /** What proves that a feed is cut rightly, for others to check. */
  proof(feed: FeedId): Promise<Uint8Array | undefined>
  /** A proof from elsewhere. `accepted`: the feed is cut now. */
  admitProof(bytes: Uint8Array): Promise<Admission>
  entryCount(): number
  /** Own records wait until other members have told how far this node's feed went. */
  isWaiting(): boolean
  /** The last write came to an end: false on a disk that is full or broken. */
  isWritable(): boolean
  /** Writes what waits in the open batch; refuses appends from then on. */
  stop(): Promise<void>
}

export function createLedger(parts: LedgerParts, options: LedgerOptions): Ledger {
  return new FeedLedger(parts, options)
}

class FeedLedger implements Ledger {
  readonly #parts: LedgerParts
  readonly #options: LedgerOptions
  readonly #batcher: RecordBatcher
  readonly #heads = new Map<string, FeedHead>()
  readonly #entryListeners: ((entry: Entry) => void)[] = []
  readonly #gapListeners: (() => void)[] = []
  readonly #forkListeners: ((fork: FeedFork) => Promise<void> | void)[] = []
  readonly #forks: ForkJudge
  #entryCount = 0
  #stopped = false
  readonly #own: OwnWriter
  /** A cut took away what views were made of, and the disk did not take new ones yet. */
  #areViewsStale = false
  #writable = true
  /** One writer at a time: a head is read, checked and moved in one go. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: LedgerParts, options: LedgerOptions) {
    this.#parts = parts
    this.#options = options
    this.#batcher = createRecordBatcher({
      clock: parts.clock,
      sizeOf: (record) => parts.codec.sizeOf(record),
      write: (records) => this.#own.write(records)
    })
    const headIn = (feed: FeedId): FeedHead | undefined => this.#heads.get(feedKey(feed))
    this.#forks = new ForkJudge(
      { ...parts, headOf: headIn, onCut: (fork) => this.#cut(fork) },
      options.meshId
    )
    this.#own = new OwnWriter(
      {
        ...parts,
        headOf: headIn,
        inTurn: (work) => this.#inTurn(work),
        isCut: (feed) => this.#forks.isCut({ ...feed, seq: Infinity }),
        take: (own) => this.#take([own], true)
      },
      options
    )
  }

  async load(): Promise<void> {
    for (const head of await this.#parts.store.heads()) this.#heads.set(feedKey(head), head)
    for (const fork of await this.#forks.load()) await this.#tellFork(fork)
    if (this.#parts.views === undefined) {
      for await (const stored of this.#parts.store.all()) this.#tell(this.#parts.codec.open(stored.bytes))
    } else {
      await this.#parts.views.load(this.#parts.store)
      for (const { seq } of this.#heads.values()) this.#entryCount += seq
    }
  }

  async append(...records: readonly MeshRecord[]): Promise<readonly string[]> {
    if (this.#stopped) throw new LedgerError({ code: 'LEDGER_STOPPED' })
    return this.#batcher.append(records)
  }

  admit(bytes: Uint8Array): Promise<Admission> {
    return this.admitRange([bytes])
  }

  async admitRange(bytes: readonly Uint8Array[]): Promise<Admission> {
    let received: readonly Received[]
    try {
      received = bytes.map((one) => ({ entry: this.#parts.codec.open(one), bytes: one }))
    } catch (error) {
      return { kind: 'refused', why: messageOf(error) }
    }
    return this.#inTurn(() => this.#judge(received))
  }

  admitProof(bytes: Uint8Array): Promise<Admission> {
    return this.#inTurn(() => this.#forks.admitProof(bytes))
  }

  heads(): readonly FeedHead[] {
    return [...this.#heads.values()]
  }

  range(feed: FeedId, fromSeq: number, toSeq?: number): AsyncIterable<StoredEntry> {
    return this.#parts.store.range(feed, fromSeq, toSeq)
  }

  proofs(): readonly ForkPlace[] {
    return this.#forks.places()
  }

  proof(feed: FeedId): Promise<Uint8Array | undefined> {
    return this.#parts.store.proof(feed)
  }

  onEntry(listener: (entry: Entry) => void): void {
    this.#entryListeners.push(listener)
  }

  onGap(listener: () => void): void {
    this.#gapListeners.push(listener)
  }

  onFork(listener: (fork: FeedFork) => Promise<void> | void): void {
    this.#forkListeners.push(listener)
  }

  entryCount(): number {
    return this.#entryCount
  }

  isWaiting(): boolean {
    return this.#parts.ownFeed.isWaiting()
  }

  isWritable(): boolean {
    return this.#writable
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#own.stop()
    await this.#batcher.flush()
    await this.#own.written()
    await this.#turn
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  async #judge(received: readonly Received[]): Promise<Admission> {
    const refusal = this.#refusalOf(received)
    if (refusal !== undefined) return refusal
    const kept = received.filter(({ entry }) => !this.#forks.isCut(entry))
    const [first] = kept
    const last = kept.at(-1)
    if (first === undefined || last === undefined) return { kind: received.length === 0 ? 'known' : 'fork' }
    const head = this.#heads.get(feedKey(first.entry))
    const known = kept.filter(({ entry }) => entry.seq <= (head?.seq ?? 0))
    const forked = await this.#forks.judgeKnown(known, received)
    if (forked !== undefined) return forked
    return known.length === kept.length ? { kind: 'known' } : this.#extend(head, kept.slice(known.length))
  }

  #refusalOf(received: readonly Received[]): Admission | undefined {
    if (received.some((one) => one.entry.meshId !== this.#options.meshId)) return refused('another mesh')
    const author = received[0]?.entry.node
    if (author !== undefined && !this.#parts.wasAdmitted(author)) return { kind: 'not-a-member' }
    return isChain(received) ? undefined : refused('not a chain')
  }

  async #extend(head: FeedHead | undefined, fresh: readonly Received[]): Promise<Admission> {
    const [first, last] = [fresh[0], fresh.at(-1)]
    if (first === undefined || last === undefined) return { kind: 'known' }
    if (!this.#parts.codec.isSigned(last.entry, last.bytes)) return refused('bad signature')
    if (last.entry.node === this.#options.self) this.#parts.ownFeed.cameBack(last.entry.incarnation)
    if (first.entry.seq !== (head?.seq ?? 0) + 1) {
      for (const listener of this.#gapListeners) listener()
      return { kind: 'gap' }
    }
    if (head !== undefined && first.entry.prev !== head.hash) return this.#forks.judgeNext(head, first)
    await this.#take(fresh, false)
    await this.#forks.judgeHead(headOf(last.entry))
    return { kind: 'accepted' }
  }

  async #cut(fork: FeedFork): Promise<void> {
    const { place, head, removed } = fork
    if (head === undefined) this.#heads.delete(feedKey(place))
    else this.#heads.set(feedKey(place), head)
    this.#entryCount -= removed
    if (place.node === this.#options.self) this.#parts.ownFeed.cameBack(place.incarnation)
    this.#areViewsStale ||= removed > 0
    try {
      // Whoever is told finds a ledger that never had what was taken away.
      await this.#mendViews()
    } finally {
      await this.#tellFork(fork)
    }
  }

  async #mendViews(): Promise<void> {
    if (this.#areViewsStale) await this.#parts.views?.rebuild(this.#parts.store)
    this.#areViewsStale = false
  }

  async #tellFork(fork: FeedFork): Promise<void> {
    for (const listener of this.#forkListeners) await listener(fork)
  }

  /**
   * Only in turn: rows are made of those that are stored, so that all earlier writes have to be, and the state has to know of them.
   */
  async #take(received: readonly Received[], sync: boolean): Promise<void> {
    await this.#mendViews()
    const rows = (await this.#parts.views?.rowsOf(received)) ?? []
    this.#writable = await this.#parts.store.append(received.map(storedOf), { sync, rows }).then(
      () => true,
      (error: unknown) => {
        this.#writable = false
        throw error
      }
    )
    this.#parts.views?.stored(rows)
    for (const { entry } of received) {
      this.#heads.set(feedKey(entry), headOf(entry))
      this.#tell(entry)
    }
  }

  #tell(entry: Entry): void {
    this.#entryCount++
    for (const listener of this.#entryListeners) listener(entry)
  }
}
