import type { Command } from 'commander'
import type { NodeApi } from './api-client.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { followEvents } from './event-wake.ts'
import { findNode } from './find-node.ts'
import { paintFor } from './paint.ts'
import { topLines, type TopFacts } from './top-lines.ts'

interface TopOptions extends CommonOptions {
  readonly once?: true
}

/** Elapsed times go on without news. */
const REDRAW_MS = 2_000
/** A burst of events is one look. */
const LEAST_MS = 250
/** The alternate screen, so that what was in the terminal comes back; the cursor hidden. xterm's control sequences. */
const [ENTER, LEAVE] = ['\u001b[?1049h\u001b[?25l', '\u001b[?25h\u001b[?1049l']
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

const HELP = `
What runs, what waits, the nodes and the newest results of the whole mesh, as this node sees it; anew at each change. It needs no
more than 80 columns. Ctrl-C ends it. With --once, or when its output is no terminal, it prints one screen and ends.`

/** `commonwheel top` */
export function addTopCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('top'))
    .description('watch the mesh at work')
    .option('--once', 'print one screen and end')
    .addHelpText('after', HELP)
    .action(async (options: TopOptions) => {
      if (options.json === true)
        throw cliError('USAGE', 'top is for people', 'status --json, jobs --json, nodes --json')
      const api = await findNode(context, options.data)
      if (options.once === true || !context.stdout.isTTY) await printOnce(context, api)
      else await watch(context, api)
    })
}

async function printOnce(context: CliContext, api: NodeApi): Promise<void> {
  const { stdout } = context
  const screen = { columns: stdout.columns, rows: Infinity, paint: paintFor(stdout, context.env) }
  for (const line of topLines(await factsOf(api), screen)) stdout.write(`${line}\n`)
}

async function watch(context: CliContext, api: NodeApi): Promise<void> {
  const { stdout, signal } = context
  const ending = new AbortController()
  let wake = (): void => undefined
  const following = followEvents(api, AbortSignal.any([signal, ending.signal]), () => {
    wake()
  })
  stdout.write(ENTER)
  try {
    while (!signal.aborted) {
      const news = new Promise<void>((resolve) => {
        wake = resolve
      })
      draw(context, await factsOf(api))
      await context.sleep(LEAST_MS, { signal })
      await Promise.race([news, context.sleep(REDRAW_MS - LEAST_MS, { signal })])
    }
  } catch (error) {
    // Ctrl-C is how it ends.
    if (!signal.aborted) throw error
  } finally {
    ending.abort()
    stdout.write(LEAVE)
    await following
  }
}

async function factsOf(api: NodeApi): Promise<TopFacts> {
  const [status, nodes, building, queued, builds, health] = await Promise.all([
    api.status(),
    api.nodes(),
    api.jobs({ state: 'building', limit: '100' }),
    api.jobs({ state: 'queued', limit: '100' }),
    api.builds(),
    api.health()
  ])
  return { status, nodes, building, queued, builds, problems: health.problems }
}

/** Each line over the old one: clearing the screen first would flicker over ssh. */
function draw({ stdout, env }: CliContext, facts: TopFacts): void {
  const screen = { columns: stdout.columns, rows: stdout.rows, paint: paintFor(stdout, env) }
  const lines = topLines(facts, screen).map((line) => `${line}${CLEAR_LINE}`)
  stdout.write(`${HOME}${lines.join('\r\n')}${CLEAR_BELOW}`)
}
