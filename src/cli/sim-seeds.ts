import type { SeedOutcome } from '../node/sim-task.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { outputOf, type Output } from './output.ts'
import type { SimPort } from './sim-port.ts'
import { SimProgress } from './sim-progress.ts'
import { seconds, SimTally } from './sim-tally.ts'
import { countOf } from './words.ts'

/** Lines of the trace of a thrown error that help. */
const STACK_LINES = 8

export interface ManySeeds {
  readonly from: number
  readonly count: number
  readonly workers: number | undefined
  readonly json: boolean
}

/** Runs seeds on all cores, tells what fails as it fails, and ends with the summary. */
export async function simSeeds(context: CliContext, port: SimPort, asked: ManySeeds): Promise<void> {
  const { from, count, workers, json } = asked
  const out = outputOf(context)
  const progress = new SimProgress(context)
  const tally = new SimTally()
  const failures: Failure[] = []
  const { cpuMs } = await port.runSeeds(
    Array.from({ length: count }, (_, at) => ({ seed: from + at })),
    {
      ...(workers === undefined ? {} : { workers }),
      signal: context.signal,
      onOutcome: (outcome) => {
        tally.add(outcome)
        const failure = failureOf(outcome)
        if (failure !== undefined) failures.push(failure)
        if (failure !== undefined && !json) {
          progress.clear()
          tellFailure(out, failure)
        }
        progress.seeds(tally, count)
      }
    }
  )
  progress.clear()
  const summary = tally.summary({ asked: count, cpuMs })
  if (json) out.json({ ...tally.totals(), asked: count, from, cpuMs, failures, summary })
  else out.line(summary)
  endOf(context, tally)
}

/** How the command ends, once it has printed all: Ctrl-C, failed or well. */
export function endOf(context: CliContext, tally: SimTally): void {
  if (context.signal.aborted) throw cliError('INTERRUPTED', 'interrupted')
  if (!tally.hasFailed()) return
  const { violations, failed } = tally.totals()
  throw cliError('FAILED', `${countOf(violations, 'violation')} in ${countOf(failed.length, 'seed')}`)
}

interface Failure {
  readonly seed: number
  readonly violations: number
  readonly first: string
  readonly replay: string
}

function failureOf(outcome: SeedOutcome): Failure | undefined {
  const { seed } = outcome
  if (outcome.kind === 'broke-off') {
    const first = outcome.reason.split('\n').slice(0, STACK_LINES).join('\n')
    return { seed, violations: 0, first, replay: replayCommand(seed) }
  }
  const { violations } = outcome.report
  const [first] = violations
  if (first === undefined) return undefined
  const { invariant, atMs, what } = first
  return {
    seed,
    violations: violations.length,
    first: `${invariant} at ${seconds(atMs)}: ${what}`,
    replay: replayCommand(seed)
  }
}

function tellFailure(out: Output, { seed, violations, first, replay }: Failure): void {
  const more = violations > 1 ? ` (and ${violations - 1} more)` : ''
  out.line(`${out.paint('red', `seed ${seed} failed:`)} ${first}${more}`)
  out.line(`  replay: ${replay}`)
}

function replayCommand(seed: number): string {
  return `./commonwheel sim --seed ${seed} --transcript`
}
