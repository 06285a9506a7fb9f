import { BLOB_PIECE_BYTES } from '../core/limits.ts'
import { asError } from './gossip-error.ts'

/** Memory that pieces come into: so many buffers in all, and who finds none waits. What nobody uses is given back. */
export class PieceBuffers {
  readonly #max: number
  readonly #free: Uint8Array[] = []
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
    return this.#free.pop() ?? new Uint8Array(BLOB_PIECE_BYTES)
  }

  give(buffer: Uint8Array): void {
    const next = this.#waiting.shift()
    if (next !== undefined) {
      next(buffer)
      return
    }
    this.#out -= 1
    if (this.#out === 0) this.#free.length = 0
    else this.#free.push(buffer)
  }
}
