import { pieceCount, pieceRange, type PieceRange } from '../core/blob-pieces.ts'
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
   * What it asked for, once. The last bytes of the blob come only after the digest was checked: when it is wrong, this throws instead,
   * and whoever passed the bytes on breaks off a transfer that would have been complete with them.
   */
  bytes(): AsyncGenerator<Uint8Array>
  /** Where the next byte for the reader is. */
  readonly position: number
}

export interface FollowerParts {
  readonly store: BlobStore
  readonly digest: Sha256
  /** Settles when the fetch has ended; resolved: the blob is held and its digest right. */
  readonly done: Promise<unknown>
  /** While the blob comes in pieces: those that are checked are read from here, as fast as the reader likes. */
  readonly pieced: () => PiecedBlob | undefined
  /** The part that is wanted; all of it unless said. */
  readonly range?: PieceRange
  /** The reader has gone, or has all. */
  readonly onEnd: () => void
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
  readonly #start: number
  readonly #end: number
  readonly #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #nextOffset: number
  #position: number
  #isLive = true
  #hasEnded = false
  #spoiled: Error | undefined
  #isWoken = false
  #wake = (): void => {
    this.#isWoken = true
  }

  constructor(parts: FollowerParts) {
    this.#parts = parts
    this.#start = parts.range?.start ?? 0
    this.#end = parts.range?.end ?? Infinity
    this.#nextOffset = this.#start
    this.#position = this.#start
  }

  get position(): number {
    return this.#position
  }

  push(chunk: Uint8Array, offset: number): void {
    const wanted = chunk.subarray(
      Math.max(0, this.#nextOffset - offset),
      Math.max(0, Math.min(chunk.byteLength, this.#end - offset))
    )
    if (!this.#isLive || wanted.byteLength === 0) return
    const hasGap = offset > this.#nextOffset
    this.#isLive = !hasGap && this.#waitingBytes + wanted.byteLength <= MAX_FOLLOWER_LAG_BYTES
    if (!this.#isLive) return
    this.#waiting.push(wanted)
    this.#waitingBytes += wanted.byteLength
    this.#nextOffset += wanted.byteLength
    this.#wake()
  }

  look(): void {
    this.#wake()
  }

  spoil(reason: Error): boolean {
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.#nextOffset = this.#start
    if (this.#position === this.#start) return false
    this.#spoiled = reason
    this.#wake()
    return true
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#follow()
    } finally {
      this.#isLive = false
      this.#waiting.length = 0
      this.#parts.onEnd()
    }
  }

  async *#follow(): AsyncGenerator<Uint8Array> {
    const { store, digest, done, range } = this.#parts
    const ended = settled(done).then(() => {
      this.#hasEnded = true
    })
    while (this.#position < this.#end) {
      this.#isWoken = false
      if (this.#spoiled !== undefined) throw this.#spoiled
      const chunk = this.#nextPushed() ?? (await this.#nextChecked())
      if (chunk !== undefined) {
        this.#position += chunk.byteLength
        yield chunk
      } else if (this.#hasEnded) break
      else await Promise.race([ended, this.#news()])
    }
    if (this.#position >= this.#end) return
    await done
    yield* store.read(digest, { start: this.#position, ...(range && { end: range.end }) })
  }

  /** The newest chunk is held back: it may be the last one. */
  #nextPushed(): Uint8Array | undefined {
    const chunk = this.#waiting.length > 1 ? this.#waiting.shift() : undefined
    this.#waitingBytes -= chunk?.byteLength ?? 0
    return chunk
  }

  /** Of pieces only the last one is held back: the whole is checked when all are there. Who wants a part of that one alone has it at once. */
  async #nextChecked(): Promise<Uint8Array | undefined> {
    const pieced = this.#parts.pieced()
    if (pieced === undefined) return undefined
    const last = pieceRange(pieced.size, pieceCount(pieced.size) - 1)
    const open = this.#start < last.start ? last.start : last.end
    const end = Math.min(this.#end, open, pieced.checkedUntil(this.#position))
    return end > this.#position ? pieced.read(this.#position, end) : undefined
  }

  /** Also what came while we looked. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#isWoken = true
        resolve()
      }
      if (this.#isWoken) resolve()
    })
  }
}

async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => undefined)
}
