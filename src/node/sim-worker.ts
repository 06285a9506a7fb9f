import './polyfills.ts'
import { parentPort } from 'node:worker_threads'
import { runSeed } from '../simulation/run-seed.ts'
import type { SeedOutcome, SeedTask } from './sim-task.ts'

/*
 * A thread that runs seeds, one after the other: node/simulate.ts sends it a task and waits for the outcome. Whatever is thrown where
 * nobody catches it ends the thread, which the other side takes for the outcome.
 */

parentPort?.on('message', (task: SeedTask) => {
  void outcomeOf(task).then((outcome) => parentPort?.postMessage(outcome))
})

async function outcomeOf(task: SeedTask): Promise<SeedOutcome> {
  const { seed, transcript = false, failFast = false } = task
  try {
    return { kind: 'ran', seed, report: await runSeed(seed, { transcript, failFast }) }
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { kind: 'broke-off', seed, reason }
  }
}
