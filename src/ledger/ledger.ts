import { CodedError, messageOf } from '../core/errors.ts'
import { feedKey } from '../core/feed-heads.ts'
import type { MeshId, NodeId, Sha256 } from '../core/ids.ts'
import type { Clock, EntryStore, FeedHead, GossipBus, Log, StoredEntry, Verdict } from '../core/ports.ts'
import type { Entry, FeedId, MeshRecord } from '../core/record.ts'
import type { EntryCodec } from './entry-codec.ts'
import { createRecordBatcher, type RecordBatcher } from './record-batcher.ts'

/** Appending to a ledger that is going down. */
class LedgerError extends CodedError<{ readonly code: 'LEDGER_STOPPED' }> {}

/** What became of bytes that claim to be an entry. */
export type Admission =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'known' }
  /** Entries before this one are missing; ask for them. */
  | { readonly kind: 'gap' }
  | { readonly kind: 'not-a-member' }
  /** Its author signed two histories. Whoever handed it on need not know. */
  | { readonly kind: 'fork' }
  | { readonly kind: 'refused'; readonly why: string }

export interface LedgerParts {
  readonly store: EntryStore
  readonly codec: EntryCodec
  readonly clock: Clock
  readonly log: Log
  /** Told about own entries once they are on disk. */
  readonly bus: Pick<GossipBus, 'publish'>
  /** It belongs to the mesh, or did: what it wrote then must reach everybody. */
  wasAdmitted(node: NodeId): boolean
}

export interface LedgerOptions {
  readonly meshId: MeshId
  readonly self: NodeId
  readonly incarnation: string
}

/** The set of all feeds on this node: the only door through which records come in. */
export interface Ledger {
  /** Opens the stored feeds and folds every entry into the listeners that are there by then. */
  load(): Promise<void>
  /** Writes records into the own feed; resolves with their record ids when they are on disk. What is told to peers afterwards may get lost: sync repairs it. */
  append(...records: readonly MeshRecord[]): Promise<readonly string[]>
  /** One entry from elsewhere. */
  admit(bytes: Uint8Array): Promise<Admission>
  /** Consecutive entries of one feed from elsewhere: a chain check each, one signature at the end. */
  admitRange(entries: readonly Uint8Array[]): Promise<Admission>
  heads(): readonly FeedHead[]
  range(feed: FeedId, fromSeq: number): AsyncIterable<StoredEntry>
  /** Runs for every entry, stored or new, in feed order; must not throw. */
  onEntry(listener: (entry: Entry) => void): void
  /** Runs when an entry came whose predecessors are missing. */
  onGap(listener: () => void): void
  entryCount(): number
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
  readonly #quarantined = new Set<string>()
  #entryCount = 0
  #stopped = false
  #writable = true
  /** One writer at a time: a head is read, checked and moved in one go. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: LedgerParts, options: LedgerOptions) {
    this.#parts = parts
    this.#options = options
    this.#batcher = createRecordBatcher({
      clock: parts.clock,
      sizeOf: (record) => parts.codec.sizeOf(record),
      write: (records) => this.#inTurn(() => this.#writeOwn(records))
    })
  }

  async load(): Promise<void> {
    for (const head of await this.#parts.store.heads()) this.#heads.set(feedKey(head), head)
    for await (const stored of this.#parts.store.all()) this.#tell(this.#parts.codec.open(stored.bytes))
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

  heads(): readonly FeedHead[] {
    return [...this.#heads.values()]
  }

  range(feed: FeedId, fromSeq: number): AsyncIterable<StoredEntry> {
    return this.#parts.store.range(feed, fromSeq)
  }

  onEntry(listener: (entry: Entry) => void): void {
    this.#entryListeners.push(listener)
  }

  onGap(listener: () => void): void {
    this.#gapListeners.push(listener)
  }

  entryCount(): number {
    return this.#entryCount
  }

  isWritable(): boolean {
    return this.#writable
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#batcher.flush()
    await this.#turn
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  async #writeOwn(records: readonly MeshRecord[]): Promise<Sha256> {
    const { meshId, self: node, incarnation } = this.#options
    const { codec, bus, log } = this.#parts
    const head = this.#heads.get(feedKey({ node, incarnation }))
    const sealed = codec.seal({
      meshId,
      incarnation,
      seq: (head?.seq ?? 0) + 1,
      prev: head?.hash ?? '',
      records
    })
    await this.#store([sealed], true)
    this.#note(codec.open(sealed.bytes))
    // Durable, so peers may hear of it. If nobody does, that is no failure: they ask for what they lack.
    void bus.publish('entries', sealed.bytes).catch((error: unknown) => {
      log.debug('an own entry was not gossiped', { error: messageOf(error) })
    })
    return sealed.hash
  }

  async #judge(received: readonly Received[]): Promise<Admission> {
    const [first] = received
    const last = received.at(-1)
    if (first === undefined || last === undefined) return { kind: 'known' }
    const refusal = this.#refusalOf(received, first)
    if (refusal !== undefined) return refusal
    const head = this.#heads.get(feedKey(first.entry))
    const fresh = received.filter(({ entry }) => entry.seq > (head?.seq ?? 0))
    return fresh.length === 0 ? this.#judgeKnown(last) : this.#extend(head, fresh, last)
  }

  #refusalOf(received: readonly Received[], { entry }: Received): Admission | undefined {
    if (received.some((one) => one.entry.meshId !== this.#options.meshId)) return refused('another mesh')
    if (this.#quarantined.has(feedKey(entry))) return { kind: 'fork' }
    if (!this.#parts.wasAdmitted(entry.node)) return { kind: 'not-a-member' }
    return isChain(received) ? undefined : refused('not a chain')
  }

  async #extend(head: FeedHead | undefined, fresh: readonly Received[], last: Received): Promise<Admission> {
    const entry = fresh[0]?.entry
    if (entry?.seq !== (head?.seq ?? 0) + 1) {
      for (const listener of this.#gapListeners) listener()
      return { kind: 'gap' }
    }
    if (!this.#parts.codec.isSigned(last.entry, last.bytes)) return refused('bad signature')
    if (entry.prev !== (head?.hash ?? '')) return this.#quarantine(entry)
    const stored = fresh.map((one) => ({ ...headOf(one.entry), bytes: one.bytes }))
    await this.#store(stored, false)
    for (const one of fresh) this.#note(one.entry)
    return { kind: 'accepted' }
  }

  /** The place is taken: by the same entry, or its author has signed two for one place. */
  async #judgeKnown({ entry, bytes }: Received): Promise<Admission> {
    const { store, codec } = this.#parts
    for await (const stored of store.range(entry, entry.seq, entry.seq)) {
      if (stored.hash === entry.hash) return { kind: 'known' }
      if (!codec.isSigned(entry, bytes)) return refused('bad signature')
      return this.#quarantine(entry)
    }
    return { kind: 'known' }
  }

  async #store(entries: readonly StoredEntry[], sync: boolean): Promise<void> {
    this.#writable = await this.#parts.store.append(entries, { sync }).then(
      () => true,
      (error: unknown) => {
        this.#writable = false
        throw error
      }
    )
  }

  #quarantine({ node, incarnation, seq }: Entry): Admission {
    this.#quarantined.add(feedKey({ node, incarnation }))
    const facts = { node, incarnation, seq }
    this.#parts.log.error('a node signed two histories of one feed; it is no longer followed', facts)
    return { kind: 'fork' }
  }

  #note(entry: Entry): void {
    this.#heads.set(feedKey(entry), headOf(entry))
    this.#tell(entry)
  }

  #tell(entry: Entry): void {
    this.#entryCount++
    for (const listener of this.#entryListeners) listener(entry)
  }
}

interface Received {
  readonly entry: Entry
  readonly bytes: Uint8Array
}

/** What gossipsub is to do with an entry: a wrong one costs its sender, one that we cannot place yet does not. */
export function verdictOf(admission: Admission): Verdict {
  switch (admission.kind) {
    case 'accepted':
      return 'accept'
    case 'refused':
      return 'reject'
    case 'known':
    case 'gap':
    case 'not-a-member':
    case 'fork':
      return 'ignore'
  }
}

function refused(why: string): Admission {
  return { kind: 'refused', why }
}

function isChain(received: readonly Received[]): boolean {
  return received.every(({ entry }, index) => {
    const before = received[index - 1]?.entry
    if (before === undefined) return true
    return feedKey(entry) === feedKey(before) && entry.seq === before.seq + 1 && entry.prev === before.hash
  })
}

function headOf({ node, incarnation, seq, hash }: Entry): FeedHead {
  return { node, incarnation, seq, hash }
}
