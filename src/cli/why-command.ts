import type { Command } from 'commander'
import { parseRequirement } from '../core/requirement.ts'
import type { WhyCellView, WhyView } from '../http/api-types.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { findNode } from './find-node.ts'
import { stateCell } from './job-cells.ts'
import { type Output, outputOf } from './output.ts'
import { parsedOr } from './parsed-or.ts'
import type { Cell } from './table.ts'
import { countOf } from './words.ts'

interface WhyOptions extends CommonOptions {
  readonly all?: true
}

/** Releases shown without `--all`: what people ask about is nearly always recent. */
const SHOWN_VERSIONS = 5

const EXAMPLES = `
Examples:
  commonwheel why netifaces
  commonwheel why numpy==2.3.1`

/** `commonwheel why NAME` */
export function addWhyCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('why'))
    .description('why a project has the wheels it has: each release and target, with the reason')
    .argument('<name>', 'project, or project==version')
    .option('--all', `every release (default: the newest ${SHOWN_VERSIONS})`)
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: WhyOptions) => {
      const { project, specifier } = parsedOr('NAME', () => parseRequirement(name))
      const exact = /^={2,3}(.*)$/.exec(specifier)?.[1]
      if (specifier !== '' && exact === undefined)
        throw cliError('USAGE', 'NAME: give one version, as in numpy==2.3.1')
      const why = await (await findNode(context, options.data)).why(project)
      if (why?.upstream !== true) throw cliError('REFUSED', `upstream knows no project ${project}`)
      const chosen = exact === undefined ? why : ofVersion(why, exact)
      const out = outputOf(context)
      if (options.json === true) out.json(chosen)
      else printWhy(out, chosen, options.all === true)
    })
}

function ofVersion(why: WhyView, version: string): WhyView {
  const versions = why.versions.filter((row) => row.version === version)
  if (versions.length > 0) return { ...why, versions }
  const known = why.versions.slice(0, SHOWN_VERSIONS).map((row) => row.version)
  const hint = known.length === 0 ? '' : `the newest are ${known.join(', ')}`
  throw cliError('REFUSED', `upstream has no release ${version} of ${why.project}`, hint)
}

function printWhy(out: Output, { project, versions }: WhyView, all: boolean): void {
  const shown = all ? versions : versions.slice(0, SHOWN_VERSIONS)
  if (versions.length === 0) out.line(`${project} has no release that could be built`)
  out.table(
    ['VERSION', 'TARGET', 'STATE', 'REASON'],
    shown.flatMap(({ version, cells }) =>
      cells.map((cell, index) => whyRow(index === 0 ? version : '', cell))
    )
  )
  const hidden = versions.length - shown.length
  if (hidden > 0) out.line(out.paint('dim', `and ${countOf(hidden, 'older release')}: --all shows them`))
}

function whyRow(version: string, { target, state, reason }: WhyCellView): readonly (Cell | string)[] {
  return [{ text: version, style: 'bold' }, target, stateCell(state), reason]
}
