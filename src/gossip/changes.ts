import type { Clock } from '../core/ports.ts'

/** Those who wait until something is different. */
export class Changes {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns at the next {@link tell}, and after so long without one. */
  async within(ms: number): Promise<void> {
    const waking = new AbortController()
    const wake = (): void => {
      waking.abort()
    }
    this.#waiting.add(wake)
    await this.#clock.sleep(ms, { signal: waking.signal }).catch(() => undefined)
    this.#waiting.delete(wake)
  }

  tell(): void {
    for (const wake of this.#waiting) wake()
  }
}
