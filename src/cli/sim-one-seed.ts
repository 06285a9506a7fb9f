import { writeFile } from 'node:fs/promises'
import type { SeedOutcome, SeedReport } from '../node/sim-task.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { outputOf, type Output } from './output.ts'
import type { SimPort } from './sim-port.ts'
import { endOf } from './sim-seeds.ts'
import { grouped, seconds, SimTally, spreadOf } from './sim-tally.ts'

export interface OneSeed {
  readonly seed: number
  /** `true`: on stdout; a text: into that file. */
  readonly transcript: string | true | undefined
  /** Run it twice and compare. */
  readonly checkReplay: boolean
  readonly json: boolean
}

/** Runs one seed and tells all about it. */
export async function simOneSeed(context: CliContext, port: SimPort, asked: OneSeed): Promise<void> {
  const { seed, transcript, checkReplay, json } = asked
  const out = outputOf(context)
  const tally = new SimTally()
  const outcomes: SeedOutcome[] = []
  const { cpuMs } = await port.runSeeds(
    [{ seed, transcript: transcript !== undefined }, ...(checkReplay ? [{ seed }] : [])],
    { signal: context.signal, onOutcome: (outcome) => outcomes.push(outcome) }
  )
  for (const outcome of outcomes) tally.add(outcome)
  const [report, again] = reportsOf(outcomes)
  if (report !== undefined && transcript !== undefined) await keepTranscript(out, transcript, report.lines)
  const summary = tally.summary({ asked: checkReplay ? 2 : 1, cpuMs })
  if (json) out.json({ ...report, lines: undefined, replayed: again?.trace, cpuMs, summary })
  else {
    if (report !== undefined) tellReport(out, report)
    if (again !== undefined) out.line(`  replay       ${again.trace}`)
    for (const outcome of outcomes) if (outcome.kind === 'broke-off') out.line(outcome.reason)
    out.line(summary)
  }
  endOf(context, tally)
  checkEqual(report, again)
}

/** The one with the transcript first: threads end in any order. */
function reportsOf(outcomes: readonly SeedOutcome[]): readonly SeedReport[] {
  return outcomes
    .flatMap((outcome) => (outcome.kind === 'ran' ? [outcome.report] : []))
    .toSorted((a, b) => b.lines.length - a.lines.length)
}

async function keepTranscript(out: Output, where: string | true, lines: readonly string[]): Promise<void> {
  if (where === true)
    lines.forEach((line) => {
      out.line(line)
    })
  else await writeFile(where, `${lines.join('\n')}\n`)
}

function tellReport(out: Output, report: SeedReport): void {
  const { seed, nodes, faults, events, messages, builds, results, duplicates, trace, violations } = report
  const failOver = spreadOf(report.failOversMs)
  out.line(`seed ${seed}: ${nodes} nodes, faults: ${faults.length === 0 ? 'none' : faults.join(', ')}`)
  out.line(`  events       ${grouped(events)}, ${grouped(messages)} messages sent`)
  out.line(
    `  builds       ${grouped(builds)}, ${grouped(results)} results, ${grouped(duplicates)} of them duplicates`
  )
  out.line(
    failOver === undefined
      ? '  fail-over    no coordinator of a whole mesh died'
      : `  fail-over    worst ${seconds(failOver.worstMs)} of ${report.failOversMs.length}`
  )
  out.line(`  convergence  ${seconds(report.convergedMs)} after the faults were over`)
  out.line(`  trace        ${trace}`)
  for (const { invariant, atMs, what } of violations) {
    out.line(`${out.paint('red', `violation of ${invariant}`)} at ${seconds(atMs)}: ${what}`)
  }
}

/** The same seed, the same run: anything else is a fault of the simulator, and no seed could be replayed. */
function checkEqual(report: SeedReport | undefined, again: SeedReport | undefined): void {
  if (report === undefined || again === undefined) return
  if (report.trace === again.trace && report.events === again.events) return
  throw cliError('FAILED', `two runs of seed ${report.seed} differ: ${report.trace} and ${again.trace}`)
}
