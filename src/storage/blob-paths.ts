import { join } from 'node:path'
import { isSha256, type Sha256 } from '../core/ids.ts'

/** Where the bytes of a blob store lie: layout in keys.ts. */
export interface BlobPaths {
  readonly root: string
  readonly temporary: string
  readonly partials: string
  blob(digest: Sha256): string
  partial(digest: Sha256): string
  /** A broken transfer by pieces. */
  pieced(digest: Sha256): string
  /** The list of a blob's pieces, beside it. */
  pieceList(digest: Sha256): string
}

const PIECES = '.pieces'

export function blobPaths(root: string): BlobPaths {
  const temporary = join(root, 'tmp')
  const partials = join(root, 'partial')
  const blob = (digest: Sha256): string => join(root, checked(digest).slice(0, 2), digest.slice(2, 4), digest)
  return {
    root,
    temporary,
    partials,
    blob,
    partial: (digest) => join(partials, checked(digest)),
    pieced: (digest) => join(partials, checked(digest) + PIECES),
    pieceList: (digest) => blob(digest) + PIECES
  }
}

/** The digest of a transfer that is kept under this name in `partials`; undefined when the name is none of ours. */
export function digestOfPartial(name: string): Sha256 | undefined {
  const digest = name.endsWith(PIECES) ? name.slice(0, -PIECES.length) : name
  return isSha256(digest) ? digest : undefined
}

/** A digest becomes a path: one that is none must never get here, and gets no further. */
function checked(digest: Sha256): Sha256 {
  if (!isSha256(digest)) throw new TypeError('not a sha256 hex digest')
  return digest
}
