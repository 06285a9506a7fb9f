import type { AbortOptions, Clock } from '../core/ports.ts'
import type { World } from './world.ts'

/** 2026-01-01, where all wall clocks of a run begin. */
const EPOCH_MS = 1_767_225_600_000

/** One machine's clocks: they run too fast or too slow, and the one on the wall may be wrong and jump. */
export class SimClock implements Clock {
  readonly #world: World
  readonly #rate: number
  readonly #offsetMs: number
  readonly #later: (inMs: number, run: () => void) => void
  #wallErrorMs = 0

  /** `later`: runs on this machine, when it is awake. `rate` 1.01 gains ten milliseconds a second. */
  constructor(
    world: World,
    later: (inMs: number, run: () => void) => void,
    { rate, offsetMs }: { readonly rate: number; readonly offsetMs: number }
  ) {
    this.#world = world
    this.#later = later
    this.#rate = rate
    this.#offsetMs = offsetMs
  }

  monotonicMs(): number {
    return this.#offsetMs + this.#world.nowMs() * this.#rate
  }

  wallMs(): number {
    return EPOCH_MS + Math.round(this.#world.nowMs() * this.#rate + this.#wallErrorMs)
  }

  /** Sets the wall clock off. */
  jump(errorMs: number): void {
    this.#wallErrorMs = errorMs
  }

  sleep(ms: number, { signal }: AbortOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        reject(signal?.reason as Error)
      }
      if (signal?.aborted === true) {
        fail()
        return
      }
      signal?.addEventListener('abort', fail, { once: true })
      this.#later(ms / this.#rate, () => {
        signal?.removeEventListener('abort', fail)
        resolve()
      })
    })
  }
}
