import { messageOf } from '../core/errors.ts'
import type { MeshId, NodeId, Sha256 } from '../core/ids.ts'
import type { EntryStore, FeedHead, GossipBus, Log } from '../core/ports.ts'
import type { FeedId, MeshRecord } from '../core/record.ts'
import type { EntryCodec } from './entry-codec.ts'
import type { OwnFeed } from './own-feed.ts'
import type { Received } from './received.ts'

export interface OwnWriterParts {
  readonly codec: EntryCodec
  readonly log: Log
  readonly bus: Pick<GossipBus, 'publish'>
  readonly ownFeed: OwnFeed
  readonly store: Pick<EntryStore, 'whenWritable'>
  /** One writer of the ledger at a time. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  headOf(feed: FeedId): FeedHead | undefined
  /** Its author, this node, was convicted of two histories of that feed. */
  isCut(feed: FeedId): boolean
  /** Resolves when it is on the disk, synced, and part of the ledger. */
  take(own: Received): Promise<void>
}

/** Writes own records: one batch after the other, under the incarnation that is this node's to write into. */
export class OwnWriter {
  readonly #parts: OwnWriterParts
  readonly #self: { readonly meshId: MeshId; readonly self: NodeId }
  #turn: Promise<unknown> = Promise.resolve()
  #isStopped = false
  #onStopping: () => void = () => undefined
  readonly #stopping = new Promise<void>((resolve) => {
    this.#onStopping = resolve
  })

  constructor(parts: OwnWriterParts, self: { readonly meshId: MeshId; readonly self: NodeId }) {
    this.#parts = parts
    this.#self = self
  }

  /** Entries of others come in meanwhile, this node's own from an earlier life among them: not in turn until it is known. */
  write(records: readonly MeshRecord[]): Promise<Sha256> {
    const mine = this.#turn.then(async () => {
      for (;;) {
        await this.#parts.ownFeed.ready()
        const written = this.#parts.inTurn(() => this.#writeNow(records))
        const hash = await written.catch((error: unknown) => this.#untilWritable(error))
        if (hash !== undefined) return hash
      }
    })
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  /** Whoever waits, for answers or for room on the disk, does so no longer; what can be written is. */
  stop(): void {
    this.#isStopped = true
    this.#onStopping()
    this.#parts.ownFeed.hurry()
  }

  async written(): Promise<void> {
    await this.#turn
  }

  /** A full disk may take the record later: what is done once is not done again for that. Nobody waits on the way down. */
  async #untilWritable(error: unknown): Promise<undefined> {
    const again = this.#isStopped ? undefined : this.#parts.store.whenWritable?.(error)
    if (again === undefined) throw error
    await Promise.race([again, this.#stopping])
    if (this.#isStopped) throw error
  }

  /** Undefined: the feed is not this node's to write into any more. */
  async #writeNow(records: readonly MeshRecord[]): Promise<Sha256 | undefined> {
    const { meshId, self: node } = this.#self
    const { codec, bus, log, ownFeed } = this.#parts
    const incarnation = ownFeed.current()
    if (incarnation === undefined) return undefined
    if (this.#parts.isCut({ node, incarnation })) {
      ownFeed.cameBack(incarnation)
      return undefined
    }
    const head = this.#parts.headOf({ node, incarnation })
    const place = { seq: (head?.seq ?? 0) + 1, prev: head?.hash ?? ('' as const) }
    const { bytes, hash } = codec.seal({ meshId, incarnation, ...place, records })
    await this.#parts.take({ entry: codec.open(bytes), bytes })
    // Durable, so peers may hear of it. If nobody does, that is no failure: they ask for what they lack.
    void bus.publish('entries', bytes).catch((error: unknown) => {
      log.debug('an own entry was not gossiped', { error: messageOf(error) })
    })
    return hash
  }
}
