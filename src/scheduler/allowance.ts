import type { Clock } from '../core/ports.ts'

/** A token bucket: so many at once after a quiet time, and then so many a second. */
export class Allowance {
  readonly #clock: Clock
  readonly #burst: number
  readonly #perSecond: number
  #tokens: number
  #atMs: number

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock
    this.#burst = burst
    this.#perSecond = perSecond
    this.#tokens = burst
    this.#atMs = clock.monotonicMs()
  }

  /** Takes one, if there is one. */
  take(): boolean {
    this.#refill()
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  /** Milliseconds until there is one. */
  waitMs(): number {
    this.#refill()
    return Math.max(0, ((1 - this.#tokens) / this.#perSecond) * 1_000)
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) / 1_000) * this.#perSecond)
    this.#atMs = nowMs
  }
}
