import { createHash, type Hash } from 'node:crypto'
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isListFor, PIECE_DIGEST_BYTES } from '../core/blob-pieces.ts'
import { sha256Bytes } from '../core/digest.ts'
import type { Sha256 } from '../core/ids.ts'
import { BLOB_CHUNK_BYTES, BLOB_PIECE_BYTES } from '../core/limits.ts'
import type { Random } from '../core/ports.ts'
import type { BlobPaths } from './blob-paths.ts'
import { isNotFound, removeFile } from './files.ts'

/** Makes the list of a blob whose bytes pass in order. */
export class PieceHasher {
  readonly #digests: Buffer[] = []
  #hash: Hash = createHash('sha256')
  #filled = 0

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) {
      const part = bytes.subarray(at, at + BLOB_PIECE_BYTES - this.#filled)
      this.#hash.update(part)
      this.#filled += part.byteLength
      at += part.byteLength
      if (this.#filled === BLOB_PIECE_BYTES) this.#next()
    }
  }

  /** The digests of the pieces, one after the other; nothing more may be added. */
  list(): Uint8Array {
    if (this.#filled > 0) this.#next()
    return Uint8Array.from(Buffer.concat(this.#digests))
  }

  #next(): void {
    this.#digests.push(this.#hash.digest())
    this.#hash = createHash('sha256')
    this.#filled = 0
  }
}

/**
 * The lists of held blobs, each kept beside its blob and followed by its own SHA-256: nobody asks twice whether a list is
 * right, and a wrong one would make this node look like a liar.
 */
export class PieceLists {
  readonly #paths: BlobPaths
  readonly #random: Random
  /** Lists that are being made: a large one takes seconds of a Pi, and a swarm asks at once. */
  readonly #making = new Map<Sha256, Promise<Uint8Array>>()

  constructor(paths: BlobPaths, random: Random) {
    this.#paths = paths
    this.#random = random
  }

  /** Undefined when the blob is not held. */
  async of(digest: Sha256): Promise<Uint8Array | undefined> {
    try {
      const { size } = await stat(this.#paths.blob(digest))
      return (await this.#kept(digest, size)) ?? (await this.#made(digest))
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** Not synced: what a power cut takes is made again from the blob. */
  async keep(digest: Sha256, list: Uint8Array): Promise<void> {
    const draft = join(this.#paths.temporary, Buffer.from(this.#random.bytes(12)).toString('hex'))
    try {
      await writeFile(draft, Buffer.concat([list, sha256Bytes(list)]))
      await rename(draft, this.#paths.pieceList(digest))
    } catch (error) {
      await removeFile(draft)
      throw error
    }
  }

  async #kept(digest: Sha256, size: number): Promise<Uint8Array | undefined> {
    try {
      const bytes = Uint8Array.from(await readFile(this.#paths.pieceList(digest)))
      const list = bytes.subarray(0, -PIECE_DIGEST_BYTES)
      const isWhole = Buffer.compare(sha256Bytes(list), bytes.subarray(list.byteLength)) === 0
      return isWhole && isListFor(size, list) ? list : undefined
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  #made(digest: Sha256): Promise<Uint8Array> {
    const running = this.#making.get(digest)
    if (running !== undefined) return running
    const making = this.#make(digest).finally(() => {
      this.#making.delete(digest)
    })
    this.#making.set(digest, making)
    return making
  }

  async #make(digest: Sha256): Promise<Uint8Array> {
    const hasher = new PieceHasher()
    const file = await open(this.#paths.blob(digest), 'r')
    try {
      const buffer = Buffer.allocUnsafeSlow(BLOB_CHUNK_BYTES)
      for (let at = 0; ;) {
        const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, at)
        if (bytesRead === 0) break
        hasher.update(buffer.subarray(0, bytesRead))
        at += bytesRead
      }
    } finally {
      await file.close()
    }
    const list = hasher.list()
    await this.keep(digest, list)
    return list
  }
}
