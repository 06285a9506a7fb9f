import { join } from 'node:path'
import { isSha256, type Sha256 } from '../core/ids.ts'

/** Where the bytes of a blob store lie: layout in keys.ts. */
export interface BlobPaths {
  readonly root: string
  readonly temporary: string
  readonly partials: string
  blob(digest: Sha256): string
  partial(digest: Sha256): string
}

export function blobPaths(root: string): BlobPaths {
  const temporary = join(root, 'tmp')
  const partials = join(root, 'partial')
  return {
    root,
    temporary,
    partials,
    blob: (digest) => join(root, checked(digest).slice(0, 2), digest.slice(2, 4), digest),
    partial: (digest) => join(partials, checked(digest))
  }
}

/** A digest becomes a path: one that is none must never get here, and gets no further. */
function checked(digest: Sha256): Sha256 {
  if (!isSha256(digest)) throw new TypeError('not a sha256 hex digest')
  return digest
}
