import { pieceRange } from '../core/blob-pieces.ts'
import type { Sha256 } from '../core/ids.ts'
import { BLOB_CHUNK_BYTES, BLOB_PIECE_BYTES } from '../core/limits.ts'
import type { BlobStore } from '../core/ports.ts'
import type { BlobQuestion } from './blob-messages.ts'

/** A piece that is being read from the disk, or what was asked for of it. */
interface Reading {
  readonly sha256: Sha256
  readonly size: number
  readonly end: number
  readonly chunks: AsyncIterator<Uint8Array>
  /** On its way from the disk, while the chunk before it is sent. */
  next: Promise<IteratorResult<Uint8Array>>
  /** Of the last chunk, not asked for yet. */
  rest: Uint8Array | undefined
  at: number
}

/**
 * Reads blobs for one stream. Most questions go on where the one before ended: then the file is still open, and the next chunk on
 * its way from the disk, one ahead of what is sent and never beyond the piece.
 */
export class RangeReader {
  readonly #store: BlobStore
  #reading: Reading | undefined

  constructor(store: BlobStore) {
    this.#store = store
  }

  /** Undefined when the blob is not held. */
  async sizeFor({ sha256, start }: BlobQuestion): Promise<number | undefined> {
    const reading = this.#reading
    const goesOn = reading !== undefined && reading.sha256 === sha256 && reading.at === start
    return goesOn ? reading.size : this.#store.size(sha256)
  }

  /** The bytes of a range within the blob, `size` being the blob's. */
  async *chunks({ sha256, start, end }: BlobQuestion, size: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end;) {
      const reading = await this.#at(sha256, { start: at, end, size })
      const chunk = reading.rest ?? (await take(reading))
      const some = chunk.subarray(0, Math.min(end, reading.end) - at)
      reading.rest = some.byteLength < chunk.byteLength ? chunk.subarray(some.byteLength) : undefined
      at += some.byteLength
      reading.at = at
      if (at === reading.end) await this.close()
      yield some
    }
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    const reading = this.#reading
    this.#reading = undefined
    await reading?.chunks.return?.()
  }

  async #at(
    sha256: Sha256,
    { start, end, size }: { readonly start: number; readonly end: number; readonly size: number }
  ): Promise<Reading> {
    const known = this.#reading
    const isAtIt = known?.at === start && known.sha256 === sha256
    if (isAtIt && start < known.end) return known
    await this.close()
    const piece = pieceRange(size, Math.floor(start / BLOB_PIECE_BYTES))
    // who asks for little may want no more
    const until = end - start < BLOB_CHUNK_BYTES ? Math.min(end, piece.end) : piece.end
    const chunks = this.#store.read(sha256, { start, end: until })[Symbol.asyncIterator]()
    const reading = { sha256, size, end: until, chunks, next: chunks.next(), rest: undefined, at: start }
    this.#reading = reading
    return reading
  }
}

async function take(reading: Reading): Promise<Uint8Array> {
  const step = await reading.next
  if (step.done === true) throw new RangeError('the blob became shorter while it was read')
  reading.next = reading.chunks.next()
  // it is awaited later, or nobody wants it any more
  reading.next.catch(() => undefined)
  return step.value
}
