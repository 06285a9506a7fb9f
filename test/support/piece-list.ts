import { pieceCount, pieceRange } from '../../src/core/blob-pieces.ts'
import { sha256Bytes, sha256Hex } from '../../src/core/digest.ts'
import type { Sha256 } from '../../src/core/ids.ts'

/** The digests of the pieces of a blob, made the plain way. */
export function listOf(bytes: Uint8Array): Uint8Array {
  const digests = Array.from({ length: pieceCount(bytes.byteLength) }, (_, index) => {
    const { start, end } = pieceRange(bytes.byteLength, index)
    return sha256Bytes(bytes.subarray(start, end))
  })
  return Uint8Array.from(Buffer.concat(digests))
}

/** What a record says of that list. */
export function listDigestOf(bytes: Uint8Array): Sha256 {
  return sha256Hex(listOf(bytes))
}
