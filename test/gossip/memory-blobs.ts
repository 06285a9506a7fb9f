import { BlobError } from '../../src/core/blob-error.ts'
import { pieceDigest } from '../../src/core/blob-pieces.ts'
import { sha256Bytes, sha256Hex } from '../../src/core/digest.ts'
import type { Sha256 } from '../../src/core/ids.ts'
import { BLOB_PIECE_BYTES } from '../../src/core/limits.ts'
import { listOf } from '../support/piece-list.ts'
import type { PartialBlob, PiecedBlob, PiecePlan, PieceStore } from '../../src/core/ports.ts'

/** A BlobStore in memory that can be made to lie, to stop, or to count what it sends. */
export class MemoryBlobs implements PieceStore {
  readonly blobs = new Map<Sha256, Uint8Array>()
  readonly partials = new Map<Sha256, Uint8Array[]>()
  readonly readsFrom: number[] = []
  /** Lists that this store tells in place of the right ones. */
  readonly lists = new Map<Sha256, Uint8Array>()
  /** Pieces that transfers left. */
  readonly pieces = new Map<Sha256, Map<number, Uint8Array>>()
  chunkBytes = 64 * 1024
  /** Called before each chunk that is read, with its offset. */
  beforeChunk: (offset: number) => Promise<void> | void = () => undefined

  put(bytes: Uint8Array, digest = sha256Hex(bytes)): Sha256 {
    this.blobs.set(digest, bytes)
    return digest
  }

  async size(digest: Sha256): Promise<number | undefined> {
    return this.blobs.get(digest)?.byteLength
  }

  async *read(
    digest: Sha256,
    range: { readonly start?: number; readonly end?: number } = {}
  ): AsyncIterable<Uint8Array> {
    const bytes = this.blobs.get(digest)
    if (bytes === undefined) throw new BlobError({ code: 'BLOB_MISSING', digest })
    const end = range.end ?? bytes.byteLength
    this.readsFrom.push(range.start ?? 0)
    for (let at = range.start ?? 0; at < end; at += this.chunkBytes) {
      await this.beforeChunk(at)
      yield bytes.subarray(at, Math.min(end, at + this.chunkBytes))
    }
  }

  async write(
    source: AsyncIterable<Uint8Array>
  ): Promise<{ readonly digest: Sha256; readonly size: number }> {
    const chunks: Uint8Array[] = []
    for await (const chunk of source) chunks.push(chunk)
    const bytes = joined(chunks)
    return { digest: this.put(bytes), size: bytes.byteLength }
  }

  async partial(digest: Sha256): Promise<PartialBlob> {
    const chunks = this.partials.get(digest) ?? []
    this.partials.set(digest, chunks)
    return {
      offset: joined(chunks).byteLength,
      append: async (chunk) => {
        chunks.push(Uint8Array.from(chunk))
      },
      commit: async () => {
        const bytes = joined(chunks)
        this.partials.delete(digest)
        const actual = sha256Hex(bytes)
        if (actual !== digest) throw new BlobError({ code: 'BLOB_MISMATCH', digest, actual })
        this.put(bytes)
        return bytes.byteLength
      },
      suspend: async () => undefined
    }
  }

  async pieceList(digest: Sha256): Promise<Uint8Array | undefined> {
    const bytes = this.blobs.get(digest)
    return this.lists.get(digest) ?? (bytes === undefined ? undefined : listOf(bytes))
  }

  async byPieces(digest: Sha256, { size, list }: PiecePlan): Promise<PiecedBlob> {
    const pieces = this.pieces.get(digest) ?? new Map<number, Uint8Array>()
    this.pieces.set(digest, pieces)
    const whole = (): Uint8Array => {
      const inOrder: Uint8Array[] = []
      for (let piece = pieces.get(0); piece !== undefined; piece = pieces.get(inOrder.length))
        inOrder.push(piece)
      return joined(inOrder)
    }
    return {
      size,
      has: (index) => pieces.has(index),
      put: async (index, bytes) => {
        const isRight = Buffer.compare(sha256Bytes(bytes), pieceDigest(list, index)) === 0
        if (isRight) pieces.set(index, Uint8Array.from(bytes))
        return isRight
      },
      checkedUntil: (start) => {
        let index = Math.floor(start / BLOB_PIECE_BYTES)
        while (pieces.has(index)) index += 1
        return Math.max(start, Math.min(index * BLOB_PIECE_BYTES, size))
      },
      read: async (start, end) => {
        const index = Math.floor(start / BLOB_PIECE_BYTES)
        const piece = pieces.get(index)?.subarray(start - index * BLOB_PIECE_BYTES)
        return piece?.slice(0, Math.min(end - start, this.chunkBytes))
      },
      commit: async () => {
        const bytes = whole()
        this.pieces.delete(digest)
        const actual = sha256Hex(bytes)
        if (actual !== digest) throw new BlobError({ code: 'BLOB_MISMATCH', digest, actual })
        this.put(bytes)
        return bytes.byteLength
      },
      suspend: async () => undefined
    }
  }

  async *list(): AsyncIterable<{ readonly digest: Sha256; readonly size: number }> {
    for (const [digest, { byteLength: size }] of this.blobs) yield { digest, size }
  }

  async remove(digest: Sha256): Promise<void> {
    this.blobs.delete(digest)
  }
}

export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

/** Bytes that repeat nowhere near, the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
