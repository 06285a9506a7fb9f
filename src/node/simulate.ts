import { availableParallelism } from 'node:os'
import { messageOf } from '../core/errors.ts'
import type { SeedOutcome, SeedTask } from './sim-task.ts'
import { SimThread } from './sim-thread.ts'

export interface SimulateOptions {
  /** Threads; as many as the machine has cores when left out. */
  readonly workers?: number
  readonly signal?: AbortSignal
  /** In the order in which they end, which is not that of the tasks. */
  readonly onOutcome: (outcome: SeedOutcome) => void
  /** Module that a thread runs; another one where this one is not compiled. */
  readonly workerUrl?: URL
}

const WORKER_URL = new URL('./sim-worker.js', import.meta.url)

/**
 * Runs seeds on worker threads until all have ended or the signal comes; what runs by then is dropped. Never rejects for what a seed
 * does. Resolves with the processor time that it took, in milliseconds over all cores.
 */
export async function runSeeds(
  tasks: readonly SeedTask[],
  { workers = availableParallelism(), signal, onOutcome, workerUrl = WORKER_URL }: SimulateOptions
): Promise<{ readonly cpuMs: number }> {
  const before = process.cpuUsage()
  const waiting = tasks.values()
  const threads = Array.from({ length: Math.min(workers, tasks.length) }, () => new SimThread(workerUrl))
  const end = (): void => {
    for (const thread of threads) thread.end()
  }
  signal?.addEventListener('abort', end, { once: true })
  try {
    await Promise.all(
      threads.map(async (thread) => {
        for (const task of waiting) {
          if (signal?.aborted === true) return
          const outcome = await outcomeOn(thread, task)
          if (!isAborted(signal)) onOutcome(outcome)
        }
      })
    )
  } finally {
    signal?.removeEventListener('abort', end)
    end()
  }
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: (user + system) / 1_000 }
}

async function outcomeOn(thread: SimThread, task: SeedTask): Promise<SeedOutcome> {
  try {
    return await thread.run(task)
  } catch (error) {
    return { kind: 'broke-off', seed: task.seed, reason: messageOf(error) }
  }
}

/** Asked anew: it may have changed while a seed ran. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
