import type { Command } from 'commander'
import type { WantAnswer, WantRequest, WantView } from '../http/api-types.ts'
import type { NodeApi } from './api-client.ts'
import type { CliContext } from './cli-context.ts'
import { cliError } from './cli-error.ts'
import { type CommonOptions, addCommonOptions, collect } from './command-options.ts'
import { findNode } from './find-node.ts'
import { type NodeLabels, jobDetail, labelsOf, releaseOf, stateCell } from './job-cells.ts'
import { outputOf } from './output.ts'
import { waitForWant } from './wait-for-want.ts'
import { readBatch } from './want-batch.ts'
import { createWantProgress, silentProgress } from './want-progress.ts'
import { checkTargets, readSpecs } from './want-specs.ts'
import { type WantEnd, printEnd, refuseFailures } from './want-summary.ts'
import { countOf } from './words.ts'

interface WantOptions extends CommonOptions {
  readonly requirement?: readonly string[]
  readonly target?: readonly string[]
  readonly batch?: true
  readonly atomic?: true
  readonly wait?: true
}

const EXAMPLES = `
Examples:
  commonwheel want numpy --wait
  commonwheel want 'docopt==0.6.2' 'spidev>=3.5'
  commonwheel want -r requirements.txt
  commonwheel want -r requirements.txt --batch --atomic --wait
  commonwheel want netifaces --target cp313-linux_aarch64-glibc2.41`

/** `commonwheel want SPEC...` */
export function addWantCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('want'))
    .description('ask the mesh for wheels')
    .argument('[specs...]', 'projects, with versions as pip writes them')
    .option('-r, --requirement <file>', 'also what this requirements file names (repeatable)', collect)
    .option('--target <target>', 'only for this target (repeatable; default: all of the mesh)', collect)
    .option('--batch', 'build failures again, as long as fewer fail than before')
    .option('--atomic', 'with --batch: list no wheel of it before the last one is built')
    .option('--wait', 'show how it goes, until every job has ended; exit code 1 if one failed')
    .addHelpText('after', EXAMPLES)
    .action(async (words: readonly string[], options: WantOptions) => {
      await runWant(context, words, options)
    })
}

async function runWant(context: CliContext, words: readonly string[], options: WantOptions): Promise<void> {
  const specs = await readSpecs(words, options.requirement ?? [])
  const targets = checkTargets(options.target ?? [])
  const asked = { specs, targets, ...readBatch(options) }
  const api = await findNode(context, options.data)
  const answer = await api.want(asked)
  if (options.wait === true) await waitAndTell(context, answer, options)
  else await tellAsked(context, { api, answer, asked, json: options.json === true })
}

interface Asked {
  readonly api: NodeApi
  readonly answer: WantAnswer
  readonly asked: WantRequest
  readonly json: boolean
}

async function tellAsked(context: CliContext, { api, answer, asked, json }: Asked): Promise<void> {
  const out = outputOf(context)
  if (json) {
    out.json(answer)
    return
  }
  const what = countOf(asked.specs.length, 'spec') + (asked.batch ? ' as a batch' : '')
  out.line(`Asked for ${what}. \`commonwheel jobs\` shows how it goes; want --wait waits.`)
  if (answer.jobs.length === 0) return
  const labels = labelsOf(await api.nodes())
  const rows = answer.jobs.map((job) => [
    releaseOf(job),
    job.target,
    stateCell(job.state),
    jobDetail(job, labels)
  ])
  out.table(['RELEASE', 'TARGET', 'STATE', 'DETAIL'], rows)
}

async function waitAndTell(context: CliContext, { want }: WantAnswer, options: WantOptions): Promise<void> {
  const json = options.json === true
  const end = await followWant(context, want, { ...options, json }).catch((error: unknown) => {
    if (!context.signal.aborted) throw error
    throw cliError(
      'FAILED',
      'not waiting any longer',
      'the want stands: `commonwheel jobs` shows how it goes'
    )
  })
  const out = outputOf(context)
  if (json) out.json(end.view)
  else printEnd(out, end)
  refuseFailures(end.view)
}

async function followWant(
  context: CliContext,
  want: string,
  { data, json }: { readonly data?: string; readonly json: boolean }
): Promise<WantEnd> {
  const { sleep, signal } = context
  const connect = (): Promise<NodeApi> => findNode(context, data)
  const progress = json ? silentProgress : createWantProgress(context)
  const labels = createLabels()
  const view = await waitForWant(want, { connect, sleep, signal }, async (current, api) => {
    progress.show(current, await labels.of(current, api))
  })
  return { view, labels: labels.latest(), elapsedMs: context.elapsedMs() }
}

interface LabelBook {
  readonly of: (view: WantView, api: NodeApi) => Promise<NodeLabels>
  readonly latest: () => NodeLabels
}

/** Labels of nodes, asked for again only when a builder turns up that has none yet. */
function createLabels(): LabelBook {
  const asked = new Set<string>()
  let labels: NodeLabels = new Map()
  return {
    latest: () => labels,
    async of({ jobs }, api) {
      const unknown = jobs.flatMap(({ builder }) =>
        builder === undefined || asked.has(builder) ? [] : [builder]
      )
      if (unknown.length > 0) labels = labelsOf(await api.nodes())
      for (const builder of unknown) asked.add(builder)
      return labels
    }
  }
}
