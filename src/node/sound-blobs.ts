import { createHash } from 'node:crypto'
import { messageOf } from '../core/errors.ts'
import type { Sha256 } from '../core/ids.ts'
import { BLOB_PIECE_BYTES } from '../core/limits.ts'
import type { BlobPart, BlobRange, Clock, Log } from '../core/ports.ts'
import type { OpenedFile } from '../http/file-routes.ts'
import type { DiskBlobStore } from '../storage/blob-store.ts'

export interface SoundBlobParts {
  readonly store: Pick<DiskBlobStore, 'size' | 'read' | 'readPart' | 'verify'>
  readonly clock: Clock
  readonly log: Log
  /** The bytes on the disk are wrong: moves them away, and tries to get sound ones. */
  rotted(digest: Sha256): Promise<void>
}

/** Bytes that were right stay right for a day, as far as clients go: a card that rots is found by the scrub. */
const SOUND_MS = 24 * 3600 * 1000
/** Blobs of which that is remembered. */
const MAX_REMEMBERED = 10_000

/**
 * Blobs for clients, whose bytes are those that their names promise. What is small is read through before its first byte goes out;
 * of what is larger the last chunk goes out only when the digest was right, so that nobody takes rotten bytes for the file.
 */
export class SoundBlobs {
  readonly #parts: SoundBlobParts
  /** When the bytes were right last, the longest ago first. */
  readonly #soundMs = new Map<Sha256, number>()

  constructor(parts: SoundBlobParts) {
    this.#parts = parts
  }

  /** Undefined: it is not here, or what is here is wrong and nobody could give another copy. */
  async open(digest: Sha256, range?: BlobRange): Promise<OpenedFile | undefined> {
    const { store } = this.#parts
    const size = await store.size(digest)
    if (size === undefined) return undefined
    if (this.#isKnownSound(digest)) return { size, chunks: store.read(digest, range) }
    // A part of a large one is not worth reading all of it; the client checks the whole.
    if (size > BLOB_PIECE_BYTES)
      return {
        size,
        chunks: range?.end === undefined ? this.#checked(digest, range) : store.read(digest, range)
      }
    if (!(await this.#isSound(digest)) && !(await this.#isMended(digest))) return undefined
    this.#remember(digest)
    return { size, chunks: store.read(digest, range) }
  }

  /**
   * A small part at once, of a blob whose bytes are known to be right; undefined when they are not, at once or later: then `open` knows
   * what to do.
   */
  part(digest: Sha256, part: BlobPart): Promise<Uint8Array<ArrayBuffer> | undefined> | undefined {
    return this.#isKnownSound(digest) ? this.#part(digest, part) : undefined
  }

  async #part(digest: Sha256, part: BlobPart): Promise<Uint8Array<ArrayBuffer> | undefined> {
    // Whatever went wrong goes wrong again where it is told.
    const bytes = await this.#parts.store.readPart(digest, part).catch(() => undefined)
    // Another size: it is no longer what it was, and `open` reads it through.
    if (bytes === undefined) this.#soundMs.delete(digest)
    return bytes
  }

  async #isSound(digest: Sha256): Promise<boolean> {
    // One that vanished meanwhile is as good as one that was never here.
    return this.#parts.store.verify(digest).catch(() => false)
  }

  async #isMended(digest: Sha256): Promise<boolean> {
    await this.#mend(digest)
    return (await this.#parts.store.size(digest)) !== undefined
  }

  async #mend(digest: Sha256): Promise<void> {
    await this.#parts.rotted(digest).catch((error: unknown) => {
      this.#parts.log.warn('a rotten file could not be replaced', { digest, error: messageOf(error) })
    })
  }

  async *#checked(digest: Sha256, range?: BlobRange): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256')
    let last: Uint8Array | undefined
    for await (const chunk of this.#parts.store.read(digest, range)) {
      if (last !== undefined) yield last
      hash.update(chunk)
      last = chunk
    }
    if (hash.digest('hex') !== digest) {
      // Whoever asks again is given the other copy.
      void this.#mend(digest)
      throw new Error('the file on the disk has rotted')
    }
    this.#remember(digest)
    if (last !== undefined) yield last
  }

  #isKnownSound(digest: Sha256): boolean {
    const atMs = this.#soundMs.get(digest)
    return atMs !== undefined && this.#parts.clock.monotonicMs() - atMs < SOUND_MS
  }

  #remember(digest: Sha256): void {
    this.#soundMs.delete(digest)
    this.#soundMs.set(digest, this.#parts.clock.monotonicMs())
    const [oldest] = this.#soundMs.keys()
    if (this.#soundMs.size > MAX_REMEMBERED && oldest !== undefined) this.#soundMs.delete(oldest)
  }
}
