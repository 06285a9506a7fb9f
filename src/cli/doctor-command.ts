import type { Command } from 'commander'
import type { CheckContext } from '../node/doctor/check.ts'
import type { Diagnosis } from '../node/doctor/doctor.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { configFrom } from './config-from.ts'
import { findRunning } from './find-node.ts'
import { type Output, outputOf } from './output.ts'
import type { Style } from './paint.ts'
import { countOf, plain } from './words.ts'

interface DoctorOptions extends CommonOptions {
  readonly config?: string
  readonly fix?: true
}

const HELP = `
Looks at what a node needs: the machine, the data folder, the sandbox, the clock, the other members, the index that is
followed. What is not well is shown with the reason to care and the command that cures it. It works whether the node
runs or not, and changes nothing; with --fix it does what can do no harm (rights of secret files, leftovers).

Exit code: 0 nothing failed (there may be warnings), 1 something failed.`

const MARKS: Readonly<Record<Diagnosis['level'], readonly [word: string, style: Style]>> = {
  ok: ['ok', 'green'],
  skipped: ['-', 'dim'],
  warning: ['warning', 'yellow'],
  failure: ['FAILED', 'red']
}

/** `commonwheel doctor` */
export function addDoctorCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('doctor'))
    .description('look for what keeps this node from working well, and say what cures it')
    .option('--fix', 'mend what can be mended without harm')
    .option('--config <file>', 'settings as JSON (default: config.json in the data folder)')
    .addHelpText('after', HELP)
    .action(async (options: DoctorOptions) => {
      const out = outputOf(context)
      const { runDoctor } = await context.loadStorage()
      const diagnoses = await runDoctor(await contextOf(context, options), options.fix === true, (one) => {
        if (options.json !== true) print(out, one)
      })
      const failed = diagnoses.filter(({ level }) => level === 'failure')
      const warned = diagnoses.filter(({ level }) => level === 'warning')
      if (options.json === true) out.json({ ok: failed.length === 0, checks: diagnoses })
      if (failed.length > 0) throw cliError('FAILED', `${countOf(failed.length, 'check')} failed`)
      if (options.json !== true) {
        out.line(
          warned.length === 0 ? 'All is well.' : `Nothing failed; ${countOf(warned.length, 'warning')}.`
        )
      }
    })
}

async function contextOf(context: CliContext, options: DoctorOptions): Promise<CheckContext> {
  const config = await configFrom(context, { data: options.data, config: options.config, settings: {} })
  const { signal } = context
  const api = await findRunning(context, options.data)
  if (api === undefined) return { config, node: undefined, signal }
  const [status, nodes, health, builds, unlocks] = await Promise.all([
    api.status(),
    api.nodes(),
    api.health(),
    api.builds(),
    api.unlocks()
  ])
  return {
    config,
    node: { status, nodes, health, unlocks, finishedMs: builds.map(({ finishedMs }) => finishedMs) },
    signal
  }
}

function print(out: Output, { title, why, level, found, cure, fixable, fixed }: Diagnosis): void {
  const [word, style] = MARKS[level]
  out.line(`${out.paint(style, word.padEnd(8))} ${title}: ${plain(fixed ?? found)}`)
  if (level === 'ok' || level === 'skipped') return
  out.line(`         ${out.paint('dim', why)}`)
  if (cure !== undefined)
    out.line(`         cure: ${plain(cure)}${fixable ? '   (or commonwheel doctor --fix)' : ''}`)
}
