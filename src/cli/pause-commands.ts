import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { findDataDir } from '../config/data-dir.ts'
import { type OwnersPause, readPauseFile, removePauseFile, writePauseFile } from '../config/pause-file.ts'
import type { ActionAnswer } from '../http/api-types.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions, parseDuration } from './command-options.ts'
import { findNode, findRunning } from './find-node.ts'
import { type Output, outputOf } from './output.ts'
import { countOf, durationInWords, jobInWords, plain, timeInWords } from './words.ts'

interface PauseOptions extends CommonOptions {
  readonly reason?: string
  readonly now?: true
}

const PAUSE_EXAMPLES = `
Builds that run go on, unless --now gives them back to the mesh. The node serves and relays all the while. A pause outlasts a
restart; set while the node is stopped, it holds from the next start on.

Examples:
  commonwheel pause                            until commonwheel resume
  commonwheel pause 2h --reason "video night"
  commonwheel pause --now`

/** `commonwheel pause [DURATION]` */
export function addPauseCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('pause'))
    .description('begin no more builds on this node, for a while or until resume')
    .argument('[duration]', 'such as 30m, 2h, 1d; absent: until `commonwheel resume`', parseDuration)
    .option('--reason <text>', 'why, for the other members')
    .option('--now', 'end what is being built, and give it back to the mesh')
    .addHelpText('after', PAUSE_EXAMPLES)
    .action(async (forMs: number | undefined, options: PauseOptions) => {
      const { reason = '', now = false } = options
      const api = await findRunning(context, options.data)
      const out = outputOf(context)
      if (api === undefined) {
        const pause = await pauseStopped(context, options.data, { reason, forMs })
        if (options.json === true) out.json({ running: false, pause })
        else tellStopped(out, pause, context.wallMs())
        return
      }
      const answer = await api.act('pause', { reason, now, ...(forMs !== undefined && { forMs }) })
      if (options.json === true) out.json(answer)
      else tellPaused(out, answer, context.wallMs())
    })
}

/** `commonwheel resume` */
export function addResumeCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('resume'))
    .description('end a pause, or a finish that still waits for builds')
    .action(async (options: CommonOptions) => {
      const api = await findRunning(context, options.data)
      const out = outputOf(context)
      if (api === undefined) {
        const dataDir = await folderOfNode(context, options.data)
        const before = await readPauseFile(dataDir).catch(() => 'broken' as const)
        await removePauseFile(dataDir)
        if (options.json === true) out.json({ running: false, wasPaused: before !== undefined })
        else
          out.line(
            before === undefined
              ? 'This node does not run, and was not paused.'
              : 'This node does not run; it builds again from its next start on.'
          )
        return
      }
      const answer = await api.act('resume')
      if (options.json === true) out.json(answer)
      else tellResumed(out, answer)
    })
}

/** `commonwheel finish` */
export function addFinishCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('finish'))
    .description('complete what is being built, then stop this node in good order; resume takes it back')
    .action(async (options: CommonOptions) => {
      const answer = await (await findNode(context, options.data)).act('finish')
      const out = outputOf(context)
      if (options.json === true) {
        out.json(answer)
        return
      }
      const { running } = answer
      out.line(
        running.length === 0
          ? 'Nothing is being built: this node stops now.'
          : `This node begins nothing more, and stops when ${runningInWords(answer)} is done.`
      )
    })
}

async function pauseStopped(
  context: CliContext,
  data: string | undefined,
  { reason, forMs }: { readonly reason: string; readonly forMs: number | undefined }
): Promise<OwnersPause> {
  const dataDir = await folderOfNode(context, data)
  const sinceMs = context.wallMs()
  const end = forMs === undefined ? {} : { lastsMs: forMs, untilMs: sinceMs + forMs }
  const pause: OwnersPause = { reason, sinceMs, ...end }
  await writePauseFile(dataDir, pause)
  return pause
}

/** The data folder, if a node has been there. */
async function folderOfNode({ env }: CliContext, data: string | undefined): Promise<string> {
  const dataDir = findDataDir({ flag: data, env })
  const isThere = await stat(join(dataDir, 'node.key')).then(
    () => true,
    () => false
  )
  if (isThere) return dataDir
  throw cliError('NOT_RUNNING', `there is no node in ${dataDir}`, 'name its folder with --data DIR')
}

function tellStopped(out: Output, { untilMs }: OwnersPause, nowMs: number): void {
  const end = endInWords(untilMs, nowMs)
  out.line(`This node does not run. From its next start on it begins no builds, ${end}.`)
}

function endInWords(untilMs: number | undefined, nowMs: number): string {
  return untilMs === undefined ? 'until `commonwheel resume`' : `until ${timeInWords(untilMs, nowMs)}`
}

function tellPaused(out: Output, answer: ActionAnswer, nowMs: number): void {
  const untilMs = answer.pauses.find(({ cause }) => cause === 'owner')?.untilMs
  out.line(`This node begins no builds ${endInWords(untilMs, nowMs)}.`)
  if (answer.running.length > 0) out.line(`It still builds ${runningInWords(answer)}; --now gives that back.`)
}

function tellResumed(out: Output, { pauses }: ActionAnswer): void {
  if (pauses.length === 0) {
    out.line('This node takes jobs again.')
    return
  }
  out.line('It is as free as its owner can make it, and still begins no builds:')
  for (const { reason } of pauses) out.line(`  ${plain(reason)}`)
}

function runningInWords({ running }: ActionAnswer): string {
  const [first] = running
  if (first === undefined || running.length > 1) return countOf(running.length, 'build')
  return `${jobInWords(first.job)} (${durationInWords(first.elapsedMs)} so far)`
}
