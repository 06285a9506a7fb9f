import { homedir } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { findDataDir } from '../config/data-dir.ts'
import type { InstallReport, ServiceParts } from '../node/service/install-service.ts'
import { systemPlaces, userPlaces, type ServicePlaces } from '../node/service/service-places.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { findRunning } from './find-node.ts'
import { outputOf } from './output.ts'
import type { ServicePort } from './service-port.ts'
import { plain } from './words.ts'

export interface ServiceOptions extends CommonOptions {
  readonly user?: true
}

const INSTALL_HELP = `
The program is copied to /opt/commonwheel and runs there as the user "commonwheel", from the next boot on by itself. It is a
good guest: low priority, no more than 85 % of the memory, no reboots, nothing writable but its data folder. A node that ran
by hand as root goes on as the same one. What stands after -- goes to \`commonwheel join\` at each start; see also config.json.

Examples:
  sudo ./commonwheel service install commonwheel1:…
  sudo ./commonwheel service install -- --http 0.0.0.0:8410 --name kitchen
  ./commonwheel service install --user      without root; \`loginctl enable-linger\` keeps it running after you log out`

/** `commonwheel service install | uninstall | status` */
export function addServiceCommand(program: Command, context: CliContext): void {
  const service = program
    .command('service')
    .description('run this node in the background, started by systemd')
  addCommonOptions(service.command('install'))
    .description('install and start it; again: the program as it is now')
    .argument('[words...]', 'a ticket for a node that is in no mesh yet; after --: options of `join`')
    .option('--user', 'for this user alone, without root')
    .addHelpText('after', INSTALL_HELP)
    .action(async (words: readonly string[], options: ServiceOptions) => {
      await install(context, words, options)
    })
  addCommonOptions(service.command('uninstall'))
    .description('stop it and remove the program; the data folder stays')
    .option('--user', "this user's own")
    .option('--purge', 'remove everything: key, records, wheels, users (needs --yes)')
    .option('--yes', 'yes, remove it')
    .action(async (options: RemoveOptions) => {
      await remove(context, options)
    })
  addCommonOptions(service.command('status'))
    .description('whether it runs, in a line')
    .option('--user', "this user's own")
    .action(async (options: ServiceOptions) => {
      await tellStatus(context, options)
    })
}

async function install(
  context: CliContext,
  words: readonly string[],
  options: ServiceOptions
): Promise<void> {
  const [ticket, rest] = /^commonwheel\d+:/.test(words[0] ?? '')
    ? [words[0], words.slice(1)]
    : [undefined, words]
  const port = await context.loadService()
  const report = await port.installService(partsOf(context, port, options), {
    from: programFolder(),
    node: process.execPath,
    ...(rest.length > 0 && { words: rest }),
    ...(ticket !== undefined && { ticket })
  })
  tellInstalled(context, report, options)
}

/** The folder that this program runs from: src/cli and dist/cli are equally deep. */
export function programFolder(): string {
  return fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '')
}

export function partsOf(context: CliContext, port: ServicePort, options: ServiceOptions): ServiceParts {
  return {
    host: port.thisHost(),
    places: placesOf(context, options),
    onProgress: (line) => {
      context.stderr.write(`  ${line}\n`)
    }
  }
}

function placesOf({ env }: CliContext, { user, data }: ServiceOptions): ServicePlaces {
  const dataDir = findDataDir({ flag: data, env })
  return user === true ? userPlaces(env['HOME'] ?? homedir(), dataDir) : systemPlaces(dataDir)
}

export function tellInstalled(context: CliContext, report: InstallReport, options: ServiceOptions): void {
  const out = outputOf(context)
  if (options.json === true) {
    out.json(report)
    return
  }
  const change = report.before === undefined ? '' : ` (before: ${report.before})`
  out.line(`Commonwheel ${report.version}${change} runs as a service, data in ${plain(report.dataDir)}.`)
  const whose = options.user === true ? ' --user' : ''
  out.line(
    `Its log: journalctl${whose} -u commonwheel -f; it goes with: ./commonwheel service uninstall${whose}`
  )
}

interface RemoveOptions extends ServiceOptions {
  readonly purge?: true
  readonly yes?: true
}

async function remove(context: CliContext, options: RemoveOptions): Promise<void> {
  const port = await context.loadService()
  const purge = options.purge === true
  const parts = partsOf(context, port, options)
  if (purge && options.yes !== true)
    throw cliError(
      'REFUSED',
      `--purge would remove ${port.removedBy(parts.places, true).join(', ')}`,
      'the key of this node is among it, and own records that nobody else has: `commonwheel backup` first, then again with --yes'
    )
  // The mesh hears that it goes for good; a node that cannot say so is missed instead.
  if (purge) await sayGoodbye(context, options)
  const removed = await port.removeService(parts, purge)
  const out = outputOf(context)
  if (options.json === true) out.json({ removed })
  else for (const path of removed) out.line(`removed ${plain(path)}`)
}

async function sayGoodbye(context: CliContext, { data }: ServiceOptions): Promise<void> {
  try {
    const api = await findRunning(context, data)
    await api?.act('leave')
  } catch (error) {
    context.signal.throwIfAborted()
    context.stderr.write(`  the mesh could not be told: ${plain(String(error))}\n`)
  }
}

async function tellStatus(context: CliContext, options: ServiceOptions): Promise<void> {
  const { serviceState, thisHost } = await context.loadService()
  const state = await serviceState(thisHost(), placesOf(context, options).scope)
  const out = outputOf(context)
  const {
    LoadState: load = '',
    ActiveState: active = '',
    SubState: sub = '',
    NRestarts: restarts = '0'
  } = state
  if (options.json === true) out.json({ load, active, sub, restarts: Number(restarts) })
  if (load !== 'loaded')
    throw cliError('FAILED', 'no service is installed', 'sudo ./commonwheel service install')
  if (options.json !== true)
    out.line(
      `${active} (${sub}), restarted by systemd ${restarts} times. ${plain(state['StatusText'] ?? '')}`.trim()
    )
  if (active !== 'active') throw cliError('FAILED', 'it does not run', 'journalctl -u commonwheel says why')
}
