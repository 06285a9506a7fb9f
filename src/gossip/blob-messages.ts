import { PIECE_DIGEST_BYTES, isListFor, pieceCount, type PieceRange } from '../core/blob-pieces.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'
import { BLOB_PIECE_BYTES, MAX_BLOB_BYTES } from '../core/limits.ts'
import { boolean, bytes, fields, integer, matching, optional } from '../wire/shape.ts'
import { malformed } from '../wire/wire-error.ts'

/*
 * Messages of a blob stream, as CBOR maps: question, answer, then the bytes from `start` to `end` or to the end of the blob;
 * then the next question. `null` ends it. docs/protocol/blobs.md has them in CDDL.
 */

export interface BlobQuestion extends PieceRange {
  readonly sha256: Sha256
  /** With the list of its pieces, if it has several. */
  readonly list: boolean
}

/** What a holder says of a blob. */
export interface HeldBlob {
  readonly size: number
  readonly list?: Uint8Array
}

export type BlobAnswer =
  | { readonly kind: 'held'; readonly held: HeldBlob }
  | { readonly kind: 'missing' }
  | { readonly kind: 'busy' }

/** An answer with the largest list: 256 pieces. */
export const MAX_BLOB_FRAME_BYTES = 12 * 1024

const size = integer(0, MAX_BLOB_BYTES)
const list = bytes(0, (MAX_BLOB_BYTES / BLOB_PIECE_BYTES) * PIECE_DIGEST_BYTES)

/** Undefined: the client has what it wanted. */
export function readBlobQuestion(value: unknown): BlobQuestion | undefined {
  if (value === null) return undefined
  const map = fields(value, 'question')
  return {
    sha256: matching(isSha256, 'a sha256')(map['sha256'], 'sha256'),
    start: size(map['start'], 'start'),
    end: size(map['end'], 'end'),
    list: boolean(map['list'], 'list')
  }
}

export function readBlobAnswer(value: unknown): BlobAnswer {
  const map = fields(value, 'answer')
  if (map['missing'] === true) return { kind: 'missing' }
  if (map['busy'] === true) return { kind: 'busy' }
  const held = { size: size(map['size'], 'size'), ...optional(map, 'list', list) }
  if (held.list !== undefined && !isListFor(held.size, held.list)) {
    throw malformed(`list is not one of ${pieceCount(held.size)} pieces`)
  }
  return { kind: 'held', held }
}
