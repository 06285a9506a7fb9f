import { BlobError } from '../core/blob-error.ts'
import { piecesIn, piecesOf, pieceCount, pieceRange, type PieceRange } from '../core/blob-pieces.ts'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import type { BlobFacts, PiecedBlob } from '../core/ports.ts'
import type { FlightOrder, FlightParts } from './flight-parts.ts'
import type { BlobSession } from './blob-session.ts'
import { GossipError, asError, mayComeBack } from './gossip-error.ts'
import { BLOB_PIECE_MS, BLOB_STEAL_TICK_MS, MAX_BLOB_HOLDERS } from './gossip-limits.ts'
import type { HolderQueue } from './holder-queue.ts'
import { Changes } from './changes.ts'
import { PieceBoard } from './piece-board.ts'

export interface PieceTransferParts extends FlightParts {
  readonly holders: HolderQueue
  /** The transfer has begun, and what it has: once. */
  readonly onBegin: (blob: PiecedBlob) => void
  /** A piece is here and right. */
  readonly onPiece: () => void
  /** Bytes that somebody waits for already. */
  readonly preferred: readonly PieceRange[]
}

interface Begun {
  readonly blob: PiecedBlob
  readonly board: PieceBoard
}

/** What one session brought. */
interface Brought {
  pieces: number
  isWrong: boolean
}

/**
 * Brings one blob in pieces from several holders at once. A holder whose list is not the one that the record names is not
 * used; one that breaks off, or brings a wrong piece, is left, and the others go on with what it did not bring.
 */
export class PieceTransfer {
  readonly #parts: PieceTransferParts
  readonly #order: FlightOrder
  readonly #facts: BlobFacts
  /** Ends what is on its way when the transfer is over, well or not. */
  readonly #over = new AbortController()
  readonly #signal: AbortSignal
  #begun: Promise<Begun> | undefined
  #board: PieceBoard | undefined
  #working = 0
  #failure: unknown
  /** Holders that have other pieces than the record says. */
  #strange = 0
  readonly #changes: Changes

  constructor(parts: PieceTransferParts, order: FlightOrder, facts: BlobFacts) {
    this.#parts = parts
    this.#changes = new Changes(parts.clock)
    this.#order = order
    this.#facts = facts
    this.#signal = AbortSignal.any([this.#over.signal, order.signal])
  }

  /** Its size, when the blob is held; undefined: no holder has such pieces, or they do not make that blob. */
  async run(): Promise<number | undefined> {
    const lanes = Math.min(MAX_BLOB_HOLDERS, pieceCount(this.#facts.size))
    await Promise.all(Array.from({ length: lanes }, () => this.#lane()))
    const begun = await this.#begun
    if (begun?.board.isComplete === true && this.#failure === undefined) return this.#commit(begun.blob)
    await begun?.blob.suspend()
    if (this.#failure !== undefined) throw asError(this.#failure)
    this.#order.signal.throwIfAborted()
    if (begun === undefined && this.#strange > 0) return undefined
    const { digest } = this.#order
    throw new BlobError({ code: 'BLOB_UNAVAILABLE', digest, asked: this.#parts.holders.asked })
  }

  /** Somebody waits for these bytes. */
  prefer(range: PieceRange): void {
    this.#board?.prefer(piecesIn(range))
  }

  async #commit(blob: PiecedBlob): Promise<number | undefined> {
    try {
      return await blob.commit()
    } catch (error) {
      if (!(error instanceof BlobError && error.code === 'BLOB_MISMATCH')) throw error
      this.#parts.log.warn('the pieces that a record names are not those of its blob', {
        digest: this.#order.digest
      })
      return undefined
    }
  }

  /** One holder after the other, until everything is here or there is nobody else. */
  async #lane(): Promise<void> {
    while (!this.#signal.aborted) {
      const peer = await this.#nextHolder()
      if (peer === undefined) return
      await this.#fetchFrom(peer)
    }
  }

  /** Looking for others does not hold up the end. */
  #nextHolder(): Promise<NodeId | undefined> {
    // one of its own: many listeners of one signal make node warn of a leak
    const over = AbortSignal.any([this.#signal])
    return new Promise((resolve) => {
      const go = (peer?: NodeId): void => {
        over.removeEventListener('abort', onOver)
        resolve(peer)
      }
      const onOver = (): void => {
        go()
      }
      over.addEventListener('abort', onOver)
      this.#parts.holders.next().then(go, onOver)
    })
  }

  async #fetchFrom(peer: NodeId): Promise<void> {
    const { client, buffers, holders, log } = this.#parts
    const { digest } = this.#order
    // a session has memory for what it asks for before it asks
    const buffer = await buffers.take(AbortSignal.any([this.#signal])).catch(() => undefined)
    if (buffer === undefined) return
    this.#working += 1
    const brought = { pieces: 0, isWrong: false }
    try {
      const place = { peer, digest }
      await client.with(place, (session) => this.#use(session, buffer, brought), { signal: this.#signal })
      // it was left for others who wait for memory: it may be of use again
      if (!brought.isWrong) holders.busy(peer)
    } catch (error) {
      if (!brought.isWrong && mayComeBack(error, brought.pieces > 0)) holders.busy(peer)
      if (!this.#signal.aborted)
        log.debug('a holder of pieces was left', { digest, peer, why: messageOf(error) })
    } finally {
      this.#working -= 1
      buffers.give(buffer)
      const begun = await this.#begun?.catch(() => undefined)
      begun?.board.gone(peer)
      this.#changes.tell()
    }
  }

  async #use(session: BlobSession, buffer: Uint8Array, brought: Brought): Promise<void> {
    const { size, list } = await session.head({ list: true })
    if (list === undefined || size !== this.#facts.size || piecesOf(size, list) !== this.#facts.pieces) {
      this.#strange += 1
      throw new BlobError({ code: 'BLOB_MISMATCH', digest: this.#order.digest, actual: 'other pieces' })
    }
    this.#begun ??= this.#begin(list)
    let begun: Begun
    try {
      begun = await this.#begun
    } catch (error) {
      this.#fail(error)
      return
    }
    await this.#drive(session, begun, { first: buffer, brought })
  }

  async #begin(list: Uint8Array): Promise<Begun> {
    const { store, onBegin } = this.#parts
    const { size } = this.#facts
    const blob = await store.byPieces(this.#order.digest, { size, list })
    const missing = Array.from({ length: pieceCount(size) }, (_, index) => index).filter(
      (index) => !blob.has(index)
    )
    onBegin(blob)
    if (missing.length === 0) this.#over.abort(new Error('all pieces were here'))
    const board = new PieceBoard(missing)
    board.prefer(this.#parts.preferred.flatMap(piecesIn))
    this.#board = board
    return { blob, board }
  }

  /** Pieces of one holder, as long as there are any for it: one comes in while the one before is checked and kept. */
  async #drive(
    session: BlobSession,
    begun: Begun,
    { first, brought }: { readonly first: Uint8Array; readonly brought: Brought }
  ): Promise<void> {
    const { buffers } = this.#parts
    const second = buffers.tryTake()
    const free = second === undefined ? [first] : [first, second]
    const keeping: Promise<void>[] = []
    let ahead: number | undefined
    try {
      for (;;) {
        // the first ones may be kept for long, and their memory be in use again
        while (free.length === 0 && keeping.length > 0) await keeping.shift()
        const index = ahead ?? (await this.#nextPiece(session.peer, begun.board))
        const buffer = free.pop()
        if (index === undefined || buffer === undefined) return
        ahead = undefined
        const target = await this.#receive(session, { index, buffer }, () => {
          // nothing is asked for that there is no memory for
          if (second !== undefined) ahead = this.#takeAhead(session.peer, begun.board)
          return ahead
        })
        brought.pieces += 1
        const kept = this.#keep(session, begun, { index, target }).finally(() => free.push(buffer))
        kept.catch((error: unknown) => {
          brought.isWrong = true
          session.abort(error)
        })
        keeping.push(kept)
      }
    } finally {
      await Promise.allSettled(keeping)
      if (second !== undefined) buffers.give(second)
    }
  }

  #takeAhead(peer: NodeId, board: PieceBoard): number | undefined {
    return this.#parts.buffers.hasWaiting ? undefined : board.takeOpen(peer, this.#parts.clock.monotonicMs())
  }

  async #receive(
    session: BlobSession,
    { index, buffer }: { readonly index: number; readonly buffer: Uint8Array },
    ahead: () => number | undefined
  ): Promise<Uint8Array> {
    const { size } = this.#facts
    const { start, end } = pieceRange(size, index)
    const target = buffer.subarray(0, end - start)
    const limit = AbortSignal.timeout(BLOB_PIECE_MS)
    const tooSlow = (): void => {
      session.abort(new GossipError({ code: 'STREAM_STALLED', afterMs: BLOB_PIECE_MS }))
    }
    limit.addEventListener('abort', tooSlow)
    try {
      await session.bytes(start, target, () => {
        const next = ahead()
        return next === undefined ? undefined : pieceRange(size, next)
      })
    } finally {
      limit.removeEventListener('abort', tooSlow)
    }
    return target
  }

  async #keep(
    session: BlobSession,
    { blob, board }: Begun,
    { index, target }: { readonly index: number; readonly target: Uint8Array }
  ): Promise<void> {
    const { clock, log, onPiece } = this.#parts
    const { digest } = this.#order
    board.arrived(session.peer, index, clock.monotonicMs())
    let isRight: boolean
    try {
      isRight = await blob.put(index, target)
    } catch (error) {
      // the disk is full or gone: no holder cures that
      this.#fail(error)
      throw error
    }
    if (!isRight) {
      board.again(index)
      log.warn('a peer sent wrong bytes for a piece of a blob', { digest, peer: session.peer, piece: index })
      throw new BlobError({ code: 'BLOB_MISMATCH', digest, actual: 'unknown' })
    }
    board.kept(index)
    onPiece()
    if (board.isComplete) this.#over.abort(new Error('all pieces are here'))
    this.#changes.tell()
  }

  /** Waits until there is a piece for this holder; undefined: there will be none. */
  async #nextPiece(peer: NodeId, board: PieceBoard): Promise<number | undefined> {
    const { clock, buffers } = this.#parts
    for (;;) {
      if (board.isComplete || this.#signal.aborted) return undefined
      // others wait for memory: one holder is enough for us then
      if (buffers.hasWaiting && this.#working > 1) return undefined
      const index = board.take(peer, clock.monotonicMs())
      if (index !== undefined) return index
      await this.#changes.within(BLOB_STEAL_TICK_MS)
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#over.abort(error)
    this.#changes.tell()
  }
}
