import { isSha256, type Sha256 } from '../core/ids.ts'
import { boolean, fields, integer, matching } from '../wire/shape.ts'

/*
 * Messages of a blob stream, as CBOR maps: one question, one answer, then the bytes. docs/protocol/blobs.md has them in CDDL.
 *
 *   { sha256, offset, head: true }   → { size } | { missing: true } | { busy: true }
 *   { sha256, offset, head: false }  → the same; after { size } the bytes from `offset` to the end
 */

export interface BlobQuestion {
  readonly sha256: Sha256
  readonly offset: number
  /** Only whether it is there. */
  readonly head: boolean
}

export type BlobAnswer =
  { readonly kind: 'held'; readonly size: number } | { readonly kind: 'missing' } | { readonly kind: 'busy' }

/** A question or answer: a digest and two numbers. */
export const MAX_BLOB_FRAME_BYTES = 256

const size = integer(0, Number.MAX_SAFE_INTEGER)

export function readBlobQuestion(value: unknown): BlobQuestion {
  const map = fields(value, 'question')
  return {
    sha256: matching(isSha256, 'a sha256')(map['sha256'], 'sha256'),
    offset: size(map['offset'], 'offset'),
    head: boolean(map['head'], 'head')
  }
}

export function readBlobAnswer(value: unknown): BlobAnswer {
  const map = fields(value, 'answer')
  if (map['missing'] === true) return { kind: 'missing' }
  if (map['busy'] === true) return { kind: 'busy' }
  return { kind: 'held', size: size(map['size'], 'size') }
}
