import { expect, test } from 'vitest'
import type { SeedOutcome } from '../../src/node/sim-task.ts'
import { runSeeds } from '../../src/node/simulate.ts'
import { SIM_WORKER } from '../support/sim-worker.ts'

test('a thread that dies of a seed fails that seed, and the others go on in a new one', async () => {
  const code = `
    import { parentPort } from 'node:worker_threads'
    parentPort.on('message', ({ seed }) => {
      if (seed === 2) setTimeout(() => { throw new Error('planted') })
      else if (seed === 4) process.exit(3)
      else parentPort.postMessage({ kind: 'ran', seed, report: {} })
    })`
  const outcomes: SeedOutcome[] = []
  await runSeeds(
    [1, 2, 3, 4, 5].map((seed) => ({ seed })),
    {
      workers: 1,
      workerUrl: new URL(`data:text/javascript,${encodeURIComponent(code)}`),
      onOutcome: (outcome) => outcomes.push(outcome)
    }
  )
  expect(outcomes).toMatchObject([
    { kind: 'ran', seed: 1 },
    { kind: 'broke-off', seed: 2, reason: 'planted' },
    { kind: 'ran', seed: 3 },
    { kind: 'broke-off', seed: 4, reason: 'the thread ended with code 3' },
    { kind: 'ran', seed: 5 }
  ])
})

test('the signal ends what runs, and nothing more is told', async () => {
  const ending = new AbortController()
  const outcomes: SeedOutcome[] = []
  const running = runSeeds(
    [1, 2, 3, 4].map((seed) => ({ seed })),
    { workers: 2, workerUrl: SIM_WORKER, signal: ending.signal, onOutcome: (one) => outcomes.push(one) }
  )
  ending.abort(new Error('enough'))
  await running
  expect(outcomes).toEqual([])
})

test('a machine may have more threads than there are seeds, and no seeds at all', async () => {
  await expect(runSeeds([], { workers: 8, onOutcome: () => undefined })).resolves.toMatchObject({
    cpuMs: expect.any(Number) as number
  })
})
