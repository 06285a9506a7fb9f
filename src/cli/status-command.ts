import type { Command } from 'commander'
import type { HealthView, NodeView, RunningJobView, StatusView } from '../http/api-types.ts'
import type { CliContext } from './cli-context.ts'
import { type CommonOptions, addCommonOptions } from './command-options.ts'
import { findNode } from './find-node.ts'
import { type Output, outputOf } from './output.ts'
import { countOf, durationInWords, jobInWords, plain, timeInWords } from './words.ts'

/** `commonwheel status` */
export function addStatusCommand(program: Command, context: CliContext): void {
  addCommonOptions(program.command('status'))
    .description('what this node and its mesh are doing, in plain words')
    .action(async (options: CommonOptions) => {
      const api = await findNode(context, options.data)
      const [status, nodes, health] = await Promise.all([api.status(), api.nodes(), api.health()])
      const out = outputOf(context)
      if (options.json === true) out.json({ ...status, health })
      else printStatus(out, { status, nodes, health, nowMs: context.wallMs() })
    })
}

interface StatusFacts {
  readonly status: StatusView
  readonly nodes: readonly NodeView[]
  readonly health: HealthView
  readonly nowMs: number
}

function printStatus(out: Output, facts: StatusFacts): void {
  const { status } = facts
  const { node, mesh } = status
  out.line(out.paint('bold', `${activity(status)}; ${wellBeing(facts)}`))
  out.line()
  out.line(
    `This is ${plain(node.label)}, up ${durationInWords(node.uptimeMs)}, in the mesh "${plain(mesh.name)}".`
  )
  for (const sentence of troubles(facts)) out.line(out.paint('yellow', sentence))
  if (status.queue.length === 0) return
  out.line()
  out.table(
    ['TARGET', 'QUEUED', 'BUILDING', 'DONE', 'FAILED'],
    status.queue.map(({ target, queued, claimed, done, failed }) => [
      target,
      String(queued),
      String(claimed),
      String(done),
      failed === 0 ? '0' : { text: String(failed), style: 'red' }
    ])
  )
}

/** `building numpy 2.3.1 for cp313, 4 min` */
function activity({ node, queue }: StatusView): string {
  if (node.running.length > 0) return `building ${node.running.map(runningInWords).join(' and ')}`
  if (node.mode !== 'running') return node.mode
  const queued = queue.reduce((sum, row) => sum + row.queued, 0)
  const building = queue.reduce((sum, row) => sum + row.claimed, 0)
  if (building > 0) return `not building; others build ${countOf(building, 'job')}`
  return queued > 0 ? `${countOf(queued, 'job')} waiting for a builder` : 'nothing to build'
}

function runningInWords({ job, elapsedMs }: RunningJobView): string {
  return `${jobInWords(job)}, ${durationInWords(elapsedMs)}`
}

/** `3 nodes, all well` */
function wellBeing({ nodes, health }: StatusFacts): string {
  const away = nodes.filter((node) => !node.self && !node.connected).length
  const words = [
    ...(away > 0 ? [`${away} away`] : []),
    ...(health.ok ? [] : [countOf(health.problems.length, 'problem')])
  ]
  return `${countOf(nodes.length, 'node')}, ${words.length === 0 ? 'all well' : words.join(', ')}`
}

function troubles(facts: StatusFacts): readonly string[] {
  const { status, nodes, health } = facts
  const { buildRefusal, roles, pauses } = status.node
  const problems = health.problems.filter((problem) => pauses.every(({ reason }) => reason !== problem))
  const away = nodes.filter((node) => !node.self && !node.connected)
  return [
    ...(status.ledger.waits
      ? ['It asks the others how far its own records went, and writes none for up to 10 s.']
      : []),
    ...(buildRefusal === undefined ? [] : [`It does not build: ${plain(buildRefusal)}`]),
    ...(buildRefusal === undefined && !roles.includes('build')
      ? ['It does not build: it has no build role.']
      : []),
    ...(status.node.refusedPythons ?? []).map(
      ({ path, reason, cure }) => `It cannot build for ${plain(path)}: ${plain(reason)}; ${plain(cure)}.`
    ),
    ...pausesInWords(facts),
    ...storageTroubles(status.storage),
    ...copiesInWords(status),
    ...upstreamInWords(status),
    ...problems.map((problem) => `Problem: ${plain(problem)}`),
    ...(away.length === 0 ? [] : [`Away: ${away.map(({ label }) => plain(label)).join(', ')}`])
  ]
}

/** `Paused since 18:30, until 22:00: …`; what runs is another matter. */
function pausesInWords({ status: { node }, nowMs }: StatusFacts): readonly string[] {
  const told = node.pauses.map(({ reason, sinceMs, untilMs }) => {
    const until = untilMs === undefined ? '' : `, until ${timeInWords(untilMs, nowMs)}`
    return `Paused since ${timeInWords(sinceMs, nowMs)}${until}: ${plain(reason)}.`
  })
  if (node.mode === 'finishing') return ['It finishes what it builds, and stops then.', ...told]
  return told
}

function storageTroubles({ repair, missing }: StatusView['storage']): readonly string[] {
  const back = missing === 0 ? 'nothing is missing' : `${missing} entries not back yet`
  if (repair === undefined) return []
  const done = {
    repaired: 'It was repaired',
    'begun-anew': 'It could not be repaired and was begun anew',
    none: 'What it lost is asked for'
  }[repair.done]
  const found = plain(repair.found.slice(0, 3).join('; '))
  return [`The database was found damaged at the start (${found}). ${done}; ${back}.`]
}

/** What of upstream a person should know: it is gone, or nobody follows it yet. */
function upstreamInWords({ upstream }: StatusView): readonly string[] {
  const { trouble, answerAgeMs, observer } = upstream
  const last = answerAgeMs === undefined ? '' : `; its last answer came ${durationInWords(answerAgeMs)} ago`
  return [
    ...(trouble === ''
      ? []
      : [`Upstream is in trouble: ${plain(trouble)}${last}. The last known pages are served.`]),
    ...(observer === undefined ? ['No node follows upstream yet: one is being elected.'] : [])
  ]
}

/** What of its share this node lacks, and what the mesh lost. */
function copiesInWords({ copies }: StatusView): readonly string[] {
  const { room, lacking, unavailable, lost } = copies
  return [
    ...(lacking > 0 ? [`It has yet to get copies of ${countOf(lacking, 'blob')} of its share.`] : []),
    ...(unavailable > 0 ? [`Nobody who is here could give it ${countOf(unavailable, 'blob')}.`] : []),
    ...(lost > 0 ? [`No member has ${countOf(lost, 'published wheel')} any more: built again.`] : []),
    ...(room ? [] : ['Its disk is short: it takes no copies of what others hold.'])
  ]
}
