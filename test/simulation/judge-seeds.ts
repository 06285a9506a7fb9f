import type { SeedOutcome, SeedTask } from '../../src/node/sim-task.ts'
import { runSeeds } from '../../src/node/simulate.ts'
import { SIM_WORKER } from '../support/sim-worker.ts'

/** What came right before a violation is most often its cause. */
const LAST_LINES = 60

/** Begins to run all of them on all cores; each outcome comes when it is there. */
export function startSeeds(
  seeds: readonly number[],
  signal: AbortSignal
): (seed: number) => Promise<SeedOutcome> {
  const settlers = new Map<number, (outcome: SeedOutcome) => void>()
  const outcomes = new Map(
    seeds.map((seed) => [seed, new Promise<SeedOutcome>((resolve) => settlers.set(seed, resolve))])
  )
  void runSeeds(
    seeds.map((seed) => ({ seed })),
    { signal, workerUrl: SIM_WORKER, onOutcome: (outcome) => settlers.get(outcome.seed)?.(outcome) }
  )
  return async (seed) => {
    const outcome = outcomes.get(seed)
    if (outcome === undefined) throw new TypeError(`seed ${seed} was not started`)
    return outcome
  }
}

/** Throws what somebody needs to look into it, when a rule was broken. */
export async function judge(outcome: SeedOutcome): Promise<void> {
  const { seed } = outcome
  const wrong = troublesOf(outcome)
  if (wrong.length === 0) return
  const lines = await transcriptOf(seed)
  throw new Error(
    [
      `seed ${seed} failed:`,
      ...wrong,
      `replay it with: ./commonwheel sim --seed ${seed} --transcript`,
      `the last ${LAST_LINES} lines up to its first violation:`,
      ...lines.slice(-LAST_LINES)
    ].join('\n')
  )
}

export async function runOne(task: SeedTask): Promise<SeedOutcome> {
  let outcome: SeedOutcome | undefined
  await runSeeds([task], { workerUrl: SIM_WORKER, onOutcome: (one) => (outcome = one) })
  if (outcome === undefined) throw new Error(`seed ${task.seed} came to nothing`)
  return outcome
}

function troublesOf(outcome: SeedOutcome): readonly string[] {
  if (outcome.kind === 'broke-off') return [outcome.reason]
  return outcome.report.violations.map(
    ({ invariant, atMs, what }) => `${invariant} at ${Math.round(atMs)} ms: ${what}`
  )
}

async function transcriptOf(seed: number): Promise<readonly string[]> {
  const outcome = await runOne({ seed, transcript: true, failFast: true })
  return outcome.kind === 'ran' ? outcome.report.lines : [outcome.reason]
}
