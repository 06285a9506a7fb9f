import { messageOf } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'

/** Owner of work that nobody waits for: keeps it, reports its failure, and ends it on stop. */
export interface Background {
  run(name: string, task: (signal: AbortSignal) => Promise<void>): void
  stop(): Promise<void>
}

export function createBackground(log: Log): Background {
  const running = new Set<Promise<void>>()
  const ending = new AbortController()

  return {
    run(name, task) {
      if (ending.signal.aborted) return
      const work: Promise<void> = task(ending.signal)
        .catch((error: unknown) => {
          if (!ending.signal.aborted)
            log.debug('background work failed', { task: name, why: messageOf(error) })
        })
        .finally(() => running.delete(work))
      running.add(work)
    },
    async stop() {
      ending.abort()
      await Promise.all(running)
    }
  }
}
