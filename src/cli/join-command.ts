import { readFile, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Command } from 'commander'
import { messageOf } from '../core/errors.ts'
import { createNotifier } from '../node/service/sd-notify.ts'
import { TICKET_FILE } from '../node/service/service-places.ts'
import type { RunningNode } from '../node/start-node.ts'
import { addCapsOptions, type CapsOptions, capsSettings } from './caps-options.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import {
  type CommonOptions,
  addCommonOptions,
  collect,
  parseHostPort,
  parseByteRate
} from './command-options.ts'
import { configFrom } from './config-from.ts'
import { printReady, readyFacts } from './join-report.ts'
import { type Output, outputOf } from './output.ts'
import { plain } from './words.ts'

interface JoinOptions extends CommonOptions, CapsOptions {
  readonly config?: string
  readonly listen?: readonly string[]
  readonly http?: { readonly host: string; readonly port: number }
  readonly python?: readonly string[]
  readonly role?: readonly string[]
  readonly upstream?: string
  readonly name?: string
  readonly contact?: string
  readonly upload?: number
  readonly download?: number
  readonly mdns: boolean
  readonly acceptLan?: true
}

const EXAMPLES = `
Without a ticket it looks on the local network for a mesh that takes newcomers, and founds one if there is none.
Everything that can be set stands in docs/configuration.md; each setting is a COMMONWHEEL_* variable, too.

Examples:
  commonwheel join
  commonwheel join commonwheel1:pGV0ZXJtc1...
  commonwheel join file:/run/secrets/ticket      keeps it out of the list of processes
  commonwheel join --hours 22:00-07:00 --max-temperature 75      a guest on a machine with other work
  commonwheel join --http 0.0.0.0:8410 --python /usr/bin/python3 --python /opt/py313/bin/python3`

/** `commonwheel join [TICKET]` */
export function addJoinCommand(program: Command, context: CliContext): void {
  const command = addCommonOptions(program.command('join'))
    .description('run this node, in the mesh of the ticket or in its own')
    .argument('[ticket]', 'what `commonwheel invite` printed, or file:PATH of a file with it')
    .option('--listen <multiaddr>', 'where other nodes reach this one (repeatable)', collect)
    .option(
      '--http <host:port>',
      'where pip and the commands reach it (default: 127.0.0.1:8410)',
      parseHostPort
    )
    .option('--python <path>', 'an interpreter to build for (repeatable; default: python3)', collect)
    .option('--role <role>', 'build, index, mirror or keeper (repeatable; default: build and index)', collect)
    .option('--upstream <url>', 'the index to follow (default: the one of pip)')
    .option('--name <label>', 'what this node is called (default: name of the machine)')
    .option('--contact <text>', 'how its owner is reached')
    .option(
      '--upload <rate>',
      'send at most so much to other nodes: 500k, 2M (default: no limit)',
      parseByteRate
    )
    .option('--download <rate>', 'take at most so much from other nodes (default: no limit)', parseByteRate)
    .option('--no-mdns', 'neither find nor be found on the local network')
    .option('--accept-lan', 'let newcomers of the local network in without a ticket')
    .option('--config <file>', 'settings as JSON (default: config.json in the data folder)')
  addCapsOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (ticket: string | undefined, options: JoinOptions) => {
      await runJoin(context, ticket, options)
    })
}

async function runJoin(context: CliContext, ticket: string | undefined, options: JoinOptions): Promise<void> {
  const config = await configFrom(context, {
    data: options.data,
    config: options.config,
    settings: settingsOf(options)
  })
  const waiting = join(config.dataDir, TICKET_FILE)
  const known = ticket === undefined ? await waitingTicket(waiting) : await ticketOf(ticket)
  const out = outputOf(context)
  const tell = (line: string): void => {
    // Programs read stdout: one object, when the node is up.
    if (options.json === true) context.stderr.write(`${plain(line)}\n`)
    else out.line(out.paint('dim', `  ${plain(line)}`))
  }
  tell(`data folder ${config.dataDir}`)
  const { startNode } = await context.loadNode()
  const node = await startNode(config, {
    signal: context.signal,
    onProgress: tell,
    ...(known !== undefined && { ticket: known })
  })
  await rm(waiting, { force: true })
  const notifier = createNotifier(context.env)
  await notifier.ready(`in the mesh ${node.meshName}, index at ${node.indexUrl}`)
  if (options.json === true) out.json(readyFacts(node, context.env['JOURNAL_STREAM'] !== undefined))
  else printReady(out, node, config.roles)
  await untilOver(node, context, options.json === true ? undefined : out).finally(() => {
    notifier.close()
  })
}

/** Until the node ends by itself, or Ctrl-C; then peers hear of it before the program ends. */
async function untilOver(node: RunningNode, { signal }: CliContext, out: Output | undefined): Promise<void> {
  const interrupted = signal.aborted ? Promise.resolve() : once(signal, 'abort')
  await Promise.race([node.ended, interrupted])
  if (!signal.aborted) {
    out?.line('This node has ended.')
    return
  }
  out?.line('')
  out?.line('Stopping: telling the mesh… (Ctrl-C again stops at once)')
  await node.stop()
  out?.line('Stopped. ./commonwheel join goes on from here.')
}

function settingsOf(options: JoinOptions): Readonly<Record<string, unknown>> {
  const { listen, http, python, role, upstream, name, contact, upload, download, mdns, acceptLan } = options
  // An option that was not given must not hide what the file or the environment says.
  return {
    listen,
    http,
    pythons: python,
    roles: role,
    upstream,
    name,
    contact,
    upload,
    download,
    mdns: mdns ? undefined : false,
    acceptLan,
    ...capsSettings(options)
  }
}

async function ticketOf(text: string): Promise<string> {
  const ticket = text.startsWith('file:') ? await ticketFrom(text.slice('file:'.length)) : text.trim()
  if (/^commonwheel\d+:/.test(ticket)) return ticket
  throw cliError(
    'USAGE',
    'TICKET: this is no ticket',
    'it begins with commonwheel1: and comes from `commonwheel invite`'
  )
}

/** What `service install` left for the first start. */
async function waitingTicket(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? undefined : ticketOf(text)
}

async function ticketFrom(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    throw cliError('USAGE', `TICKET: ${messageOf(cause)}`, '', { cause })
  }
}
