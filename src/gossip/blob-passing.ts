import { BlobError } from '../core/blob-error.ts'
import { pieceDigest, piecesOf, type PieceRange } from '../core/blob-pieces.ts'
import { RunningSha256, sha256Bytes } from '../core/digest.ts'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import { BLOB_PIECE_BYTES } from '../core/limits.ts'
import type { HeldBlob } from './blob-messages.ts'
import type { BlobSession } from './blob-session.ts'
import type { FlightOrder, FlightParts } from './flight-parts.ts'
import { mayComeBack } from './gossip-error.ts'
import { HolderQueue } from './holder-queue.ts'

type PassingParts = Pick<FlightParts, 'self' | 'client' | 'peers' | 'clock' | 'log'>

/**
 * A blob for one reader, past a disk that takes no more: fetched piece by piece from one holder after the other, with no more than two
 * pieces in memory. With the list that a record names each piece is checked before it is given out; the digest of the whole is checked
 * before the last one goes out, unless the reader wants only a part and the list vouches for that.
 */
export class PassingBlob {
  readonly #parts: PassingParts
  readonly #order: FlightOrder
  readonly #holders: HolderQueue
  #peer: NodeId | undefined
  #hasBrought = false
  #held: HeldBlob | undefined

  constructor(parts: PassingParts, order: FlightOrder) {
    this.#parts = parts
    this.#order = order
    this.#holders = new HolderQueue(parts, order)
  }

  /** As the first holder says. */
  async size(): Promise<number> {
    this.#held ??= await this.#ask((session) => this.#look(session))
    return this.#held.size
  }

  async *bytes(start: number, end = Infinity): AsyncGenerator<Uint8Array> {
    const size = await this.size()
    const isPart = start > 0 && this.#held?.list !== undefined
    const first = isPart ? start - (start % BLOB_PIECE_BYTES) : 0
    const hash = new RunningSha256()
    let pending: Uint8Array | undefined
    for (let at = first; at < (isPart ? Math.min(end, size) : size); at += BLOB_PIECE_BYTES) {
      const piece = await this.#piece({ start: at, end: Math.min(at + BLOB_PIECE_BYTES, size) })
      const wanted = piece.subarray(Math.max(0, start - at), Math.max(0, end - at))
      if (!isPart) hash.add(piece)
      if (wanted.byteLength === 0) continue
      if (pending !== undefined) yield pending
      pending = wanted
    }
    if (!isPart) this.#mustBe(hash.hex())
    if (pending !== undefined) yield pending
  }

  async #piece(range: PieceRange): Promise<Uint8Array> {
    return this.#ask(async (session) => {
      const bytes = new Uint8Array(range.end - range.start)
      await session.bytes(range.start, bytes)
      const list = this.#held?.list
      if (list === undefined) return bytes
      const expected = pieceDigest(list, range.start / BLOB_PIECE_BYTES)
      const isRight = sha256Bytes(bytes).every((byte, index) => byte === expected[index])
      if (!isRight) throw this.#mismatch('a wrong piece')
      return bytes
    })
  }

  async #look(session: BlobSession): Promise<HeldBlob> {
    const { about } = this.#order
    const held = await session.head({ list: about?.pieces !== undefined })
    if (about?.pieces === undefined) return { size: held.size }
    if (held.list === undefined || piecesOf(held.size, held.list) !== about.pieces)
      throw this.#mismatch('other pieces')
    return held
  }

  /** Asks the holder that answered last; when that fails, the next one. */
  async #ask<T>(use: (session: BlobSession) => Promise<T>): Promise<T> {
    const { client, log } = this.#parts
    const { digest, signal } = this.#order
    for (;;) {
      signal.throwIfAborted()
      const peer = this.#peer ?? (await this.#holders.next())
      if (peer === undefined)
        throw new BlobError({ code: 'BLOB_UNAVAILABLE', digest, asked: this.#holders.asked })
      this.#peer = peer
      try {
        const answer = await client.with({ peer, digest }, use, { signal })
        this.#hasBrought = true
        return answer
      } catch (error) {
        log.debug('could not pass a blob on from a peer', { digest, peer, why: messageOf(error) })
        if (mayComeBack(error, this.#hasBrought)) this.#holders.busy(peer)
        this.#peer = undefined
        this.#hasBrought = false
      }
    }
  }

  #mustBe(actual: string): void {
    if (actual !== this.#order.digest) throw this.#mismatch(actual)
  }

  #mismatch(actual: string): BlobError {
    return new BlobError({ code: 'BLOB_MISMATCH', digest: this.#order.digest, actual })
  }
}
