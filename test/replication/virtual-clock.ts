import type { AbortOptions, Clock } from '../../src/core/ports.ts'
import { EventQueue } from '../../src/simulation/event-queue.ts'

/** Time that passes as fast as the machine can: whoever sleeps is woken in order, and everybody acts in between. */
export class VirtualClock implements Clock {
  readonly #queue = new EventQueue()
  #nowMs = 0
  #order = 0

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs
  }

  async sleep(ms: number, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      const run = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      this.#queue.push({ atMs: this.#nowMs + ms, order: this.#order++, run })
    })
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await new Promise(setImmediate)
    for (
      let next = this.#queue.peek();
      next !== undefined && next.atMs <= untilMs;
      next = this.#queue.peek()
    ) {
      this.#nowMs = next.atMs
      while (this.#queue.peek()?.atMs === this.#nowMs) this.#queue.pop()?.run()
      // All that follows is promises: done before the next task.
      await new Promise(setImmediate)
    }
    this.#nowMs = untilMs
  }
}
