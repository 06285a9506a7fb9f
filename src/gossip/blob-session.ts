import { BlobError } from '../core/blob-error.ts'
import type { PieceRange } from '../core/blob-pieces.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import { readBlobAnswer, type HeldBlob } from './blob-messages.ts'
import { BLOB_CHUNK_BYTES, BLOB_PIECE_BYTES } from '../core/limits.ts'
import { BLOB_ASK_BYTES } from './gossip-limits.ts'
import type { ByteRate } from './byte-rate.ts'
import type { FrameStream } from './frame-stream.ts'
import { GossipError } from './gossip-error.ts'

export interface SessionParts {
  readonly stream: FrameStream
  readonly peer: NodeId
  readonly digest: Sha256
  /** What this node takes of blobs, from all. */
  readonly download: ByteRate
  readonly stallMs: number
}

/** What is wanted next; undefined: nothing. */
type Ahead = () => PieceRange | undefined
type OnChunk = (chunk: Uint8Array, offset: number) => Promise<void>

/** One blob at one holder: as many questions as it takes, one after the other, on one stream. */
export class BlobSession {
  readonly peer: NodeId
  readonly #parts: SessionParts
  #size: number | undefined
  /** Where the bytes begin that are on their way, when some were asked for ahead. */
  #askedAhead: PieceRange | undefined

  constructor(parts: SessionParts) {
    this.peer = parts.peer
    this.#parts = parts
  }

  /** Throws BLOB_MISSING, or PEER_BUSY. */
  async head(options: { readonly list: boolean }): Promise<HeldBlob> {
    await this.#ask({ start: 0, end: 0 }, options.list)
    return this.#answer()
  }

  /**
   * Fills `target` with the bytes from `start` on. What `ahead` tells is asked for before the end, so that the link does not
   * fall silent until the next call, which must be for just that.
   */
  async bytes(start: number, target: Uint8Array, ahead?: Ahead): Promise<void> {
    const { stream, stallMs } = this.#parts
    await this.#inSteps({ start, end: start + target.byteLength }, ahead, (step) =>
      stream.fill(target.subarray(step.start - start, step.end - start), { stallMs })
    )
  }

  /** As {@link bytes}, in chunks of their own, each handed on before the next one is read. */
  async chunks(range: PieceRange, onChunk: OnChunk, ahead?: Ahead): Promise<void> {
    const { stream, stallMs } = this.#parts
    await this.#inSteps(range, ahead, async ({ start, end }) => {
      for (let at = start; at < end; at += BLOB_CHUNK_BYTES) {
        const chunk = new Uint8Array(Math.min(BLOB_CHUNK_BYTES, end - at))
        await stream.fill(chunk, { stallMs })
        await onChunk(chunk, at)
      }
    })
  }

  /**
   * Two steps are on their way at most, so that its sender never exhausts the window, and a holder that dies takes little
   * with it that was on its way.
   */
  async #inSteps(
    { start, end }: PieceRange,
    ahead: Ahead | undefined,
    read: (step: PieceRange) => Promise<void>
  ): Promise<void> {
    for (let at = start; at < end;) {
      const step = this.#stepAt(at, end)
      await this.#open(step)
      const next = step.end < end ? { start: step.end, end } : ahead?.()
      if (next !== undefined && !this.#isCapped) {
        this.#askedAhead = this.#stepAt(next.start, next.end)
        await this.#ask(this.#askedAhead, false)
      }
      await read(step)
      at = step.end
    }
  }

  #stepAt(start: number, end: number): PieceRange {
    return { start, end: Math.min(end, start + Math.min(BLOB_ASK_BYTES, this.#parts.download.askBytes)) }
  }

  /** Under a cap nothing is asked for ahead: it would wait on the way for us to take it. */
  get #isCapped(): boolean {
    return this.#parts.download.askBytes < BLOB_PIECE_BYTES
  }

  /** Says goodbye; what is on its way all the same is not waited for. Never throws. */
  async close(): Promise<void> {
    const { stream } = this.#parts
    try {
      if (this.#askedAhead !== undefined) throw new Error('not wanted any more')
      await stream.write(null)
      await stream.close()
    } catch (error) {
      this.abort(error)
    }
  }

  abort(reason: unknown): void {
    this.#parts.stream.abort(reason)
  }

  /** Asks for a range, if that has not been done ahead; its bytes come next. */
  async #open({ start, end }: PieceRange): Promise<void> {
    await this.#parts.download.take(this.peer, end - start)
    const asked = this.#askedAhead
    this.#askedAhead = undefined
    if (asked === undefined) await this.#ask({ start, end }, false)
    else if (asked.start !== start || asked.end !== end)
      throw new TypeError('something else was asked for ahead')
    const { size } = await this.#answer()
    if (size < end) throw new GossipError({ code: 'PEER_BROKE_PROTOCOL', why: 'it has less than it said' })
  }

  async #ask({ start, end }: PieceRange, list: boolean): Promise<void> {
    await this.#parts.stream.write({ sha256: this.#parts.digest, start, end, list })
  }

  async #answer(): Promise<HeldBlob> {
    const { stream, digest, peer } = this.#parts
    const answer = readBlobAnswer(await stream.read())
    if (answer.kind === 'busy') throw new GossipError({ code: 'PEER_BUSY', peer })
    if (answer.kind === 'missing') throw new BlobError({ code: 'BLOB_MISSING', digest })
    this.#size ??= answer.held.size
    if (this.#size !== answer.held.size) {
      throw new GossipError({ code: 'PEER_BROKE_PROTOCOL', why: 'it says two sizes of one blob' })
    }
    return answer.held
  }
}
