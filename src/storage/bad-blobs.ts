import { mkdir, readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sha256 } from '../core/ids.ts'
import { blobPaths } from './blob-paths.ts'
import { removeFile } from './files.ts'

/** Broken copies kept for people to look at; a card that breaks all of them must not fill itself with them. */
const MAX_BAD_BLOBS = 16

/** Where blobs whose bytes are no longer those that their name promises are put: nobody is served from there. */
export class BadBlobs {
  readonly #root: string
  readonly #folder: string

  constructor(root: string) {
    this.#root = root
    this.#folder = join(root, 'bad')
  }

  /** Takes a blob out of the store, so that it can be fetched again. */
  async setAside(digest: Sha256): Promise<void> {
    const paths = blobPaths(this.#root)
    await mkdir(this.#folder, { recursive: true })
    await rename(paths.blob(digest), join(this.#folder, digest))
    await removeFile(paths.pieceList(digest))
    await this.#sweep()
  }

  /** A sound copy is there again. */
  forget(digest: Sha256): Promise<void> {
    return removeFile(join(this.#folder, digest))
  }

  async #sweep(): Promise<void> {
    const paths = (await readdir(this.#folder)).map((name) => join(this.#folder, name))
    const dated = await Promise.all(paths.map(async (path) => ({ path, at: (await stat(path)).ctimeMs })))
    const newestFirst = dated.sort((a, b) => b.at - a.at)
    for (const { path } of newestFirst.slice(MAX_BAD_BLOBS)) await removeFile(path)
  }
}
