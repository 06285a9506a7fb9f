import type { Command } from 'commander'
import { normalizeName } from '../core/distribution.ts'
import type { JobView } from '../http/api-types.ts'
import type { NodeApi } from './api-client.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { findNode } from './find-node.ts'
import { outputOf } from './output.ts'
import { plain } from './words.ts'

const MAX_ROWS = '5000'
const SHOWN_CHOICES = 10

const EXAMPLES = `
Examples:
  commonwheel logs docopt
  commonwheel logs netifaces==0.11.0@cp313-linux_aarch64-glibc2.41`

/** `commonwheel logs JOB` */
export function addLogsCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('logs'))
    .description('the log of a build')
    .argument('<job>', 'job id, or as much of its beginning as tells it from others')
    .addHelpText('after', EXAMPLES)
    .action(async (text: string, options: CommonOptions) => {
      const api = await findNode(context, options.data)
      const { id, log } = await findLog(api, text)
      const content = await api.log(log)
      if (options.json === true) {
        outputOf(context).json({ job: id, log, text: content })
        return
      }
      context.stdout.write(context.stdout.isTTY ? calm(content) : content)
    })
}

async function findLog(api: NodeApi, text: string): Promise<{ readonly id: string; readonly log: string }> {
  const [name = '', ...rest] = text.trim().split(/(?===)/)
  const project = normalizeName(name)
  const prefix = project + rest.join('')
  const jobs = await api.jobs({ project, limit: MAX_ROWS })
  const found = jobs.filter(({ id }) => id.startsWith(prefix))
  const withLog = found.flatMap(({ id, log }) => (log === undefined ? [] : [{ id, log }]))
  const [first] = withLog
  if (first === undefined) throw noLog(text, found)
  // One pure wheel serves many targets, and their jobs share its log.
  const same = withLog.every(({ log }) => log === first.log)
  const chosen = withLog.find(({ id }) => id === prefix) ?? (same ? first : undefined)
  if (chosen !== undefined) return chosen
  const choices = withLog.slice(0, SHOWN_CHOICES).map(({ id }) => plain(id))
  throw cliError(
    'REFUSED',
    `${plain(text)} may be any of ${withLog.length} jobs`,
    `say which: ${choices.join('  ')}`
  )
}

function noLog(text: string, found: readonly JobView[]): Error {
  const building = found.find(({ state }) => state === 'building')
  if (building !== undefined) {
    return cliError('REFUSED', `${plain(building.id)} is being built`, 'its log comes with its result')
  }
  const [first] = found
  if (first === undefined)
    return cliError('REFUSED', `there is no job ${plain(text)}`, 'commonwheel jobs lists them')
  return cliError('REFUSED', `${plain(first.id)} has no log: it is ${first.state}`, plain(first.reason))
}

/** A build may print what steers a terminal; lines and tabs are all that we let through. */
function calm(text: string): string {
  return text.replaceAll(/\r\n?/g, '\n').replaceAll(/(?![\n\t])[\p{Cc}\p{Cf}]/gu, '')
}
