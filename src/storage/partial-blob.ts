import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { BlobError } from '../core/blob-error.ts'
import type { Sha256 } from '../core/ids.ts'
import { BLOB_CHUNK_BYTES, MAX_BLOB_BYTES } from '../core/limits.ts'
import type { PartialBlob, PiecedBlob, PiecePlan } from '../core/ports.ts'
import type { BlobPaths } from './blob-paths.ts'
import { moveDurably, removeFile } from './files.ts'
import { HashThread } from './hash-thread.ts'
import { PiecedFile } from './pieced-file.ts'
import { StorageError, toStorageError } from './storage-error.ts'

/** Transfers that may break and go on later, also after a restart. One writer a digest. */
export class PartialFiles {
  readonly #paths: BlobPaths
  readonly #open = new Set<Sha256>()
  readonly #hashes = new HashThread()

  constructor(paths: BlobPaths) {
    this.#paths = paths
  }

  open(digest: Sha256): Promise<PartialBlob> {
    return this.#alone(digest, async (release) => {
      const file = await open(this.#paths.partial(digest), 'a+')
      return PartialFile.resume(file, { digest, paths: this.#paths, release })
    })
  }

  /** `keep` is told the list of a blob that is through. */
  openByPieces(
    digest: Sha256,
    plan: PiecePlan,
    keep: (list: Uint8Array) => Promise<void>
  ): Promise<PiecedBlob> {
    const paths = this.#paths
    const path = paths.pieced(digest)
    return this.#alone(digest, async (release) => {
      const file = await open(path, constants.O_RDWR | constants.O_CREAT)
      return PiecedFile.resume(file, plan, {
        digest,
        path,
        hashes: this.#hashes,
        release,
        translate: (error) => toStorageError(error, paths.root),
        finish: async () => {
          await moveDurably(path, paths.blob(digest))
          await removeFile(paths.partial(digest))
          await keep(plan.list)
        }
      })
    })
  }

  async #alone<T>(digest: Sha256, act: (release: () => void) => Promise<T>): Promise<T> {
    if (this.#open.has(digest)) throw new StorageError({ code: 'STORAGE_BUSY', digest })
    this.#open.add(digest)
    const release = (): void => {
      this.#open.delete(digest)
    }
    try {
      return await act(release)
    } catch (error) {
      release()
      throw error
    }
  }
}

interface Place {
  readonly digest: Sha256
  readonly paths: BlobPaths
  release(): void
}

class PartialFile implements PartialBlob {
  readonly offset: number
  readonly #file: FileHandle
  readonly #hash: Hash
  readonly #place: Place
  #size: number
  #closed = false

  private constructor(file: FileHandle, kept: { readonly hash: Hash; readonly size: number }, place: Place) {
    this.#file = file
    this.#hash = kept.hash
    this.#place = place
    this.#size = kept.size
    this.offset = kept.size
  }

  /** Hashes again what is there: nobody vouches for what a process that died has left. */
  static async resume(file: FileHandle, place: Place): Promise<PartialFile> {
    try {
      const hash = createHash('sha256')
      const buffer = new Uint8Array(BLOB_CHUNK_BYTES)
      let size = 0
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, size)
        if (bytesRead === 0) return new PartialFile(file, { hash, size }, place)
        hash.update(buffer.subarray(0, bytesRead))
        size += bytesRead
      }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** A failed append ends the transfer: how much of the chunk is on the disk is known only by reading it again. */
  async append(chunk: Uint8Array): Promise<void> {
    this.#mustBeOpen()
    if (this.#size + chunk.byteLength > MAX_BLOB_BYTES) {
      throw new BlobError({ code: 'BLOB_TOO_LARGE', maxBytes: MAX_BLOB_BYTES })
    }
    try {
      await this.#translated(async () => this.#file.appendFile(chunk))
    } catch (error) {
      await this.suspend()
      throw error
    }
    this.#hash.update(chunk)
    this.#size += chunk.byteLength
  }

  async commit(): Promise<number> {
    this.#mustBeOpen()
    const { digest, paths } = this.#place
    await this.#translated(async () => {
      try {
        await this.#finish(digest, paths)
      } finally {
        await this.suspend()
      }
    })
    return this.#size
  }

  async suspend(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#place.release()
    await this.#file.close()
  }

  async #finish(digest: Sha256, paths: BlobPaths): Promise<void> {
    const actual = this.#hash.digest('hex')
    if (actual !== digest) {
      await removeFile(paths.partial(digest))
      throw new BlobError({ code: 'BLOB_MISMATCH', digest, actual })
    }
    await this.#file.sync()
    await moveDurably(paths.partial(digest), paths.blob(digest))
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new TypeError('this transfer is over')
  }

  async #translated<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw error instanceof BlobError ? error : toStorageError(error, this.#place.paths.root)
    }
  }
}
