import { pieceCount, pieceRange } from '../core/blob-pieces.ts'
import type { Sha256 } from '../core/ids.ts'
import type { BlobStore, PiecedBlob } from '../core/ports.ts'
import { MAX_FOLLOWER_LAG_BYTES } from './gossip-limits.ts'

/** One reader of a blob that is still being fetched. */
export interface BlobFollower {
  /** Bytes as they arrived in order, `offset` being where they begin. Never waits for the reader. */
  push(chunk: Uint8Array, offset: number): void
  /** A piece more is checked. */
  look(): void
  /** What came turned out wrong; false: this reader was given none of it, and may follow what comes instead. */
  spoil(reason: Error): boolean
  /**
   * The whole blob, once. The last bytes come only after the digest was checked: when it is wrong, this throws instead, and
   * whoever passed the bytes on breaks off a transfer that would have been complete with them.
   */
  bytes(): AsyncGenerator<Uint8Array>
}

export interface FollowerParts {
  readonly store: BlobStore
  readonly digest: Sha256
  /** Settles when the fetch has ended; resolved: the blob is held and its digest right. */
  readonly done: Promise<unknown>
  /** While the blob comes in pieces: those that are checked are read from here, as fast as the reader likes. */
  readonly pieced: () => PiecedBlob | undefined
}

/**
 * Reads along as long as it keeps up. A reader that starts late, after a resumed prefix, or lags behind by more than
 * {@link MAX_FOLLOWER_LAG_BYTES} gets the rest from disk when all of it is there: it never holds up the fetch. Of a blob that
 * comes in pieces nothing is kept in memory for it: it reads what is checked from the disk.
 */
export function createBlobFollower(parts: FollowerParts): BlobFollower {
  return new Follower(parts)
}

class Follower implements BlobFollower {
  readonly #parts: FollowerParts
  readonly #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #nextOffset = 0
  #delivered = 0
  #isLive = true
  #hasEnded = false
  #spoiled: Error | undefined
  #wake = (): void => undefined

  constructor(parts: FollowerParts) {
    this.#parts = parts
  }

  push(chunk: Uint8Array, offset: number): void {
    this.#isLive &&=
      offset === this.#nextOffset && this.#waitingBytes + chunk.byteLength <= MAX_FOLLOWER_LAG_BYTES
    if (!this.#isLive) return
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.byteLength
    this.#nextOffset += chunk.byteLength
    this.#wake()
  }

  look(): void {
    this.#wake()
  }

  spoil(reason: Error): boolean {
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.#nextOffset = 0
    if (this.#delivered === 0) return false
    this.#spoiled = reason
    this.#wake()
    return true
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    const { store, digest, done } = this.#parts
    const ended = settled(done).then(() => {
      this.#hasEnded = true
    })
    for (;;) {
      if (this.#spoiled !== undefined) throw this.#spoiled
      const chunk = this.#nextPushed() ?? (await this.#nextChecked())
      if (chunk !== undefined) {
        this.#delivered += chunk.byteLength
        yield chunk
      } else if (this.#hasEnded) break
      else await Promise.race([ended, this.#news()])
    }
    await done
    yield* store.read(digest, { start: this.#delivered })
  }

  /** The newest chunk is held back: it may be the last one. */
  #nextPushed(): Uint8Array | undefined {
    const chunk = this.#waiting.length > 1 ? this.#waiting.shift() : undefined
    this.#waitingBytes -= chunk?.byteLength ?? 0
    return chunk
  }

  /** Of pieces only the last one is held back: the whole is checked when all are there. */
  async #nextChecked(): Promise<Uint8Array | undefined> {
    const pieced = this.#parts.pieced()
    if (pieced === undefined) return undefined
    const last = pieceRange(pieced.size, pieceCount(pieced.size) - 1)
    const end = Math.min(pieced.checkedBytes, last.start)
    return end > this.#delivered ? pieced.read(this.#delivered, end) : undefined
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => undefined)
}
