import type { NodeId } from '../core/ids.ts'
import { BLOB_CHUNK_BYTES, BLOB_PIECE_BYTES } from '../core/limits.ts'
import type { Clock } from '../core/ports.ts'

/** The least that goes at once, however low the cap: below, there are more frames than bytes. */
const MIN_CHUNK_BYTES = 1_024
/** A chunk is a tenth of a second, so that 32 streams that share a cap all move every few seconds. */
const CHUNKS_PER_SECOND = 10

/** Saved up at most: a timer of a busy Pi is late by that much. */
const BURST_MS = 250

/** A cap on bytes a second over everything that takes from it; fair among peers, whatever number of streams each has. */
export interface ByteRate {
  /** Sent at once. */
  readonly chunkBytes: number
  /** Asked for at once: what comes within a second, so that what is on its way never waits here for long. */
  readonly askBytes: number
  /** Resolves when so many bytes may pass. */
  take(peer: NodeId, bytes: number): Promise<void>
}

/** `bytesPerSecond` 0: no cap. */
export function createByteRate(clock: Clock, bytesPerSecond: number): ByteRate {
  return bytesPerSecond === 0 ? UNLIMITED : new TokenBucket(clock, bytesPerSecond)
}

const UNLIMITED: ByteRate = {
  chunkBytes: BLOB_CHUNK_BYTES,
  askBytes: BLOB_PIECE_BYTES,
  take: () => Promise.resolve()
}

interface Waiter {
  readonly bytes: number
  go(): void
}

/**
 * A token bucket that may be overdrawn by one request and then waits until that is paid: so a request may be larger than
 * the bucket, and the long run is exact. Peers take turns.
 */
class TokenBucket implements ByteRate {
  readonly chunkBytes: number
  readonly askBytes: number
  readonly #clock: Clock
  readonly #perMs: number
  readonly #burst: number
  /** In the order of their turns. */
  readonly #waiting = new Map<NodeId, Waiter[]>()
  #tokens: number
  #atMs: number
  #isPumping = false

  constructor(clock: Clock, bytesPerSecond: number) {
    this.chunkBytes = clamp(bytesPerSecond / CHUNKS_PER_SECOND, MIN_CHUNK_BYTES, BLOB_CHUNK_BYTES)
    this.askBytes = clamp(bytesPerSecond, MIN_CHUNK_BYTES, BLOB_PIECE_BYTES)
    this.#clock = clock
    this.#perMs = bytesPerSecond / 1_000
    this.#burst = Math.max(this.chunkBytes, this.#perMs * BURST_MS)
    this.#tokens = this.#burst
    this.#atMs = clock.monotonicMs()
  }

  take(peer: NodeId, bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(peer) ?? []
      queue.push({ bytes, go: resolve })
      this.#waiting.set(peer, queue)
      if (!this.#isPumping) this.#pump().catch(reject)
    })
  }

  async #pump(): Promise<void> {
    this.#isPumping = true
    try {
      for (;;) {
        const [turn] = this.#waiting
        if (turn === undefined) return
        this.#refill()
        if (this.#tokens <= 0) {
          await this.#clock.sleep(Math.ceil((1 - this.#tokens) / this.#perMs))
          continue
        }
        const [peer, queue] = turn
        const waiter = queue.shift()
        // to the end of the turns
        this.#waiting.delete(peer)
        if (queue.length > 0) this.#waiting.set(peer, queue)
        this.#tokens -= waiter?.bytes ?? 0
        waiter?.go()
      }
    } finally {
      this.#isPumping = false
    }
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs()
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.floor(Math.min(max, Math.max(min, value)))
}
