import type { ScenarioName } from '../node/sim-task.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { outputOf } from './output.ts'
import type { SimPort } from './sim-port.ts'
import { SimProgress } from './sim-progress.ts'
import { grouped } from './sim-tally.ts'
import { durationInWords } from './words.ts'

export interface AskedScenario {
  readonly name: ScenarioName
  readonly nodes: number
  /** Undefined: what a few minutes suffice for. */
  readonly share: number | undefined
  readonly seed: number
  readonly json: boolean
}

/** Runs one scenario and prints its table. */
export async function simScenario(context: CliContext, port: SimPort, asked: AskedScenario): Promise<void> {
  const { json, ...options } = asked
  const out = outputOf(context)
  const progress = new SimProgress(context)
  const report = await port.runScenario({
    ...options,
    signal: context.signal,
    onProgress: ({ virtualMs, jobsDone, jobs, eventsPerSecond }) => {
      progress.line(
        `${durationInWords(virtualMs)} simulated, ${grouped(jobsDone)} of ${grouped(jobs)} jobs, ${grouped(eventsPerSecond)} events/s`
      )
    }
  })
  progress.clear()
  if (json) out.json(report)
  else {
    const row = ({ name, value, note }: (typeof report.table)[number]) => [name, value, note]
    out.table(['FIGURE', 'VALUE', 'NOTE'], report.table.map(row))
  }
  if (context.signal.aborted) throw cliError('INTERRUPTED', 'interrupted')
}
