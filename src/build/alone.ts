import type { BuildReport, BuildRequest, WheelBuilder } from '../core/ports.ts'
import type { BuildLimits } from '../core/record.ts'

type Told = Parameters<WheelBuilder['build']>[1]

export interface AloneParts {
  /** Builds beside others, each within its slot's share. */
  readonly beside: WheelBuilder
  /** The same machine's builder with the memory of all slots. */
  readonly alone: WheelBuilder
  /** What the second has. */
  readonly limits: BuildLimits
}

/**
 * Tries a build that ran out of memory again at once while nothing else builds on this node, with what all its slots may take
 * together: no more than the owner gave to builds anyway. Only then is a node asked for that offers more.
 * docs/protocol/queue.md#failures
 */
export function aloneAgain({ beside, alone, limits }: AloneParts): WheelBuilder {
  const gate = new Gate()
  return {
    build: async (request: BuildRequest, told: Told): Promise<BuildReport> => {
      const first = await gate.beside(told.signal, async () => beside.build(request, told))
      if (first.failure?.class !== 'resource' || first.failure.cause !== 'out-of-memory') return first
      const second = await gate.alone(told.signal, async () => alone.build(request, told))
      return { ...second, durationMs: first.durationMs + second.durationMs, limits }
    }
  }
}

interface Waiting {
  readonly isAlone: boolean
  readonly enter: () => void
}

/** Many at a time, or one alone; in the order of coming, so that nobody waits for ever. */
class Gate {
  #inside = 0
  #isTaken = false
  #waiting: Waiting[] = []

  async beside<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    return this.#through(false, signal, run)
  }

  async alone<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    return this.#through(true, signal, run)
  }

  async #through<T>(isAlone: boolean, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    await this.#enter(isAlone, signal)
    try {
      return await run()
    } finally {
      this.#inside--
      this.#isTaken = false
      this.#next()
    }
  }

  async #enter(isAlone: boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const waiting = {
        isAlone,
        enter: () => {
          signal.removeEventListener('abort', leave)
          resolve()
        }
      }
      const leave = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
        reject(signal.reason as Error)
        this.#next()
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(waiting)
      this.#next()
    })
  }

  #next(): void {
    for (;;) {
      const [first] = this.#waiting
      if (first === undefined || this.#isTaken || (first.isAlone && this.#inside > 0)) return
      this.#waiting.shift()
      this.#inside++
      this.#isTaken = first.isAlone
      first.enter()
    }
  }
}
