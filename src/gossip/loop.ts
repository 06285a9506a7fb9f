import { messageOf } from '../core/errors.ts'
import type { Clock, Log, Random } from '../core/ports.ts'

export interface LoopParts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface LoopOptions {
  readonly name: string
  /** From the end of one step to the next, jittered by half, so that nodes started together drift apart. */
  readonly periodMs: number
  readonly step: () => Promise<void>
}

/** Something done again and again, never twice at once. */
export interface Loop {
  start(): void
  /** The next step is due now. */
  readonly wake: () => void
  /** Resolves when the running step has ended. */
  stop(): Promise<void>
}

export function createLoop({ clock, random, log }: LoopParts, { name, periodMs, step }: LoopOptions): Loop {
  let running: Promise<void> | undefined
  let isStopped = false
  let isDue = false
  let nap = new AbortController()

  async function run(): Promise<void> {
    while (!stopped()) {
      nap = new AbortController()
      isDue = false
      try {
        await step()
      } catch (error) {
        log.warn('a step of a loop failed', { loop: name, why: messageOf(error) })
      }
      if (stopped()) return
      if (due()) continue
      await clock.sleep(periodMs * (0.5 + random.float()), { signal: nap.signal }).catch(() => undefined)
    }
  }

  // functions, since the compiler does not expect the flags to change during an await
  function stopped(): boolean {
    return isStopped
  }
  function due(): boolean {
    return isDue
  }

  return {
    start: () => {
      isStopped = false
      running ??= run()
    },
    wake: () => {
      isDue = true
      nap.abort()
    },
    async stop() {
      isStopped = true
      nap.abort()
      await running
      running = undefined
    }
  }
}
