import { sha256Hex } from './digest.ts'
import type { Sha256 } from './ids.ts'
import { BLOB_PIECE_BYTES } from './limits.ts'

/*
 * A large blob is cut into pieces of BLOB_PIECE_BYTES, the last one shorter. Its list is the SHA-256 digests of the pieces
 * in their order, 32 bytes each; the SHA-256 of the list stands in the record, under the author's signature.
 */

/** Of one digest in a list. */
export const PIECE_DIGEST_BYTES = 32

export interface PieceRange {
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

export function pieceCount(size: number): number {
  return Math.ceil(size / BLOB_PIECE_BYTES)
}

export function pieceRange(size: number, index: number): PieceRange {
  const start = index * BLOB_PIECE_BYTES
  return { start, end: Math.min(start + BLOB_PIECE_BYTES, size) }
}

/** The pieces that have some of these bytes. */
export function piecesIn({ start, end }: PieceRange): readonly number[] {
  const first = Math.floor(start / BLOB_PIECE_BYTES)
  return Array.from({ length: Math.max(0, pieceCount(end) - first) }, (_, index) => first + index)
}

/** Whether a list has a digest for each piece of a blob of this size. */
export function isListFor(size: number, list: Uint8Array): boolean {
  return list.byteLength === pieceCount(size) * PIECE_DIGEST_BYTES
}

export function pieceDigest(list: Uint8Array, index: number): Uint8Array {
  return list.subarray(index * PIECE_DIGEST_BYTES, (index + 1) * PIECE_DIGEST_BYTES)
}

/** What a record says of a list; undefined for a blob of one piece, which its own digest checks as soon. */
export function piecesOf(size: number, list: Uint8Array): Sha256 | undefined {
  return size > BLOB_PIECE_BYTES ? sha256Hex(list) : undefined
}
