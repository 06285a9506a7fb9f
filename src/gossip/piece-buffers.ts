import { BLOB_PIECE_BYTES } from '../core/limits.ts'
import { asError } from './gossip-error.ts'

/**
 * Memory that pieces come into: so many buffers in all, and who finds none waits. It is shared memory, so that a store may hash it on
 * another thread without a copy. What nobody uses is given back when V8 next collects; since such memory alone does not make it collect,
 * what is still there until then is used again.
 */
export class PieceBuffers {
  readonly #max: number
  readonly #free: WeakRef<Uint8Array>[] = []
  readonly #waiting: ((buffer: Uint8Array) => void)[] = []
  #out = 0

  constructor(max: number) {
    this.#max = max
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Rejects with the signal's reason when it is aborted first. */
  take(signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const buffer = this.tryTake()
      if (buffer !== undefined) {
        resolve(buffer)
        return
      }
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(onBuffer), 1)
        reject(asError(signal.reason))
      }
      const onBuffer = (given: Uint8Array): void => {
        signal.removeEventListener('abort', onAbort)
        resolve(given)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(onBuffer)
    })
  }

  /** Undefined when there is none, or others wait for one. */
  tryTake(): Uint8Array | undefined {
    if (this.#out === this.#max || this.hasWaiting) return undefined
    this.#out += 1
    return this.#reused() ?? new Uint8Array(new SharedArrayBuffer(BLOB_PIECE_BYTES))
  }

  #reused(): Uint8Array | undefined {
    for (;;) {
      const free = this.#free.pop()
      const buffer = free?.deref()
      if (free === undefined || buffer !== undefined) return buffer
    }
  }

  give(buffer: Uint8Array): void {
    const next = this.#waiting.shift()
    if (next !== undefined) {
      next(buffer)
      return
    }
    this.#out -= 1
    this.#free.push(new WeakRef(buffer))
  }
}
