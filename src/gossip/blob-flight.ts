import { BlobError } from '../core/blob-error.ts'
import type { PieceRange } from '../core/blob-pieces.ts'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import { BLOB_PIECE_BYTES } from '../core/limits.ts'
import type { BlobFacts, PiecedBlob } from '../core/ports.ts'
import type { BlobFollower } from './blob-follower.ts'
import { fetchInOrder, StoreRefusal, type BlobProgress } from './blob-in-order.ts'
import { mayComeBack } from './gossip-error.ts'
import type { FlightOrder, FlightParts } from './flight-parts.ts'
import { HolderQueue } from './holder-queue.ts'
import { PieceTransfer } from './piece-transfer.ts'

/** One blob on its way here, however many wait for it. */
export interface Flight {
  /** Its size, once it is held and its digest checked. */
  readonly done: Promise<number>
  /** Its size as a record or the first holder told it. */
  readonly size: Promise<number>
  readonly followers: Set<BlobFollower>
  /** What is checked while it comes in pieces. */
  readonly pieced: () => PiecedBlob | undefined
  /** Somebody waits for these bytes: they come before the others, when it comes in pieces. */
  prefer(range: PieceRange): void
  /** It ended because the store took no more: no holder cures that, but the bytes can be had past it. */
  isRefused(): boolean
}

/** Asks holders until the blob is here: in pieces when a record names them, else one after the other. */
export function startFlight(parts: FlightParts, order: FlightOrder): Flight {
  const running = new RunningFlight(parts, order)
  const done = parts.slots.run(() => running.run())
  const size = Promise.race([running.told, done])
  // it may go unheard: nobody waits for the size in `ensure`
  size.catch(() => undefined)
  return {
    done,
    size,
    followers: running.followers,
    pieced: () => running.pieced,
    prefer: (range) => {
      running.prefer(range)
    },
    isRefused: () => running.isRefused
  }
}

class RunningFlight implements BlobProgress {
  readonly followers = new Set<BlobFollower>()
  readonly told: Promise<number>
  pieced: PiecedBlob | undefined
  isRefused = false
  readonly #preferred: PieceRange[] = []
  #transfer: PieceTransfer | undefined
  readonly #parts: FlightParts
  readonly #order: FlightOrder
  #tell: (size: number) => void = () => undefined
  #toldSize: number | undefined
  #broughtSome = false

  constructor(parts: FlightParts, order: FlightOrder) {
    this.#parts = parts
    this.#order = order
    this.told = new Promise((resolve) => {
      this.#tell = resolve
    })
  }

  prefer(range: PieceRange): void {
    this.#preferred.push(range)
    this.#transfer?.prefer(range)
  }

  async run(): Promise<number> {
    // it may have come while this flight waited for its turn
    const held = await this.#parts.store.size(this.#order.digest)
    if (held !== undefined) return held
    try {
      return await this.#fetch()
    } catch (error) {
      // what is neither about the blob nor our own stop is about the disk
      this.isRefused = !(error instanceof BlobError) && !this.#order.signal.aborted
      throw error
    }
  }

  async #fetch(): Promise<number> {
    const { about } = this.#order
    if (about?.pieces !== undefined && about.size > BLOB_PIECE_BYTES) {
      const size = await this.#inPieces(about)
      if (size !== undefined) return size
      this.#spoil()
    }
    return this.#inOrder()
  }

  onSize(size: number): void {
    if (this.#toldSize !== undefined && this.#toldSize !== size) this.#spoil()
    this.#toldSize = size
    this.#tell(size)
  }

  onChunk(chunk: Uint8Array, offset: number): void {
    this.#broughtSome = true
    for (const follower of this.followers) follower.push(chunk, offset)
  }

  async #inPieces(facts: BlobFacts): Promise<number | undefined> {
    const transfer = new PieceTransfer(
      {
        ...this.#parts,
        holders: new HolderQueue(this.#parts, this.#order),
        onBegin: (blob) => {
          this.pieced = blob
          this.onSize(blob.size)
        },
        onPiece: () => {
          for (const follower of this.followers) follower.look()
        },
        preferred: this.#preferred
      },
      this.#order,
      facts
    )
    this.#transfer = transfer
    try {
      return await transfer.run()
    } finally {
      this.#transfer = undefined
      this.pieced = undefined
    }
  }

  /** Each holder goes on where the one before broke off. */
  async #inOrder(): Promise<number> {
    const { digest, signal } = this.#order
    const holders = new HolderQueue(this.#parts, this.#order)
    for (;;) {
      signal.throwIfAborted()
      const peer = await holders.next()
      if (peer === undefined) break
      const size = await this.#fetchFrom(peer, holders)
      if (size !== undefined) return size
    }
    signal.throwIfAborted()
    throw new BlobError({ code: 'BLOB_UNAVAILABLE', digest, asked: holders.asked })
  }

  /** Undefined: this peer could not bring it. */
  async #fetchFrom(peer: NodeId, holders: HolderQueue): Promise<number | undefined> {
    const { store, client, log } = this.#parts
    const { digest, signal } = this.#order
    for (;;) {
      const partial = await store.partial(digest)
      const wasResumed = partial.offset > 0
      this.#broughtSome = false
      try {
        return await client.with({ peer, digest }, (session) => fetchInOrder(session, partial, this), {
          signal
        })
      } catch (error) {
        await partial.suspend()
        if (error instanceof StoreRefusal) throw error.cause
        if (mayComeBack(error, this.#broughtSome)) holders.busy(peer)
        if (!(error instanceof BlobError && error.code === 'BLOB_MISMATCH')) {
          log.debug('could not fetch a blob from a peer', { digest, peer, why: messageOf(error) })
          return undefined
        }
        this.#spoil()
        // whose bytes were wrong is known only of a transfer from the very beginning
        if (!wasResumed) {
          log.warn('a peer sent wrong bytes for a blob', { digest, peer })
          return undefined
        }
      }
    }
  }

  /** What was passed on is not the blob. Who was told nothing yet begins with what comes next. */
  #spoil(): void {
    const reason = new BlobError({ code: 'BLOB_MISMATCH', digest: this.#order.digest, actual: 'unknown' })
    for (const follower of this.followers) {
      if (follower.spoil(reason)) this.followers.delete(follower)
    }
  }
}
