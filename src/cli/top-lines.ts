import type { BuildView, JobView, NodeView, StatusView } from '../http/api-types.ts'
import { jobDetail, labelsOf, releaseOf, type NodeLabels } from './job-cells.ts'
import type { Paint, Style } from './paint.ts'
import { countOf, durationInWords, jobInWords, plain, shortNodeId } from './words.ts'

/** What `top` shows. */
export interface TopFacts {
  readonly status: StatusView
  readonly nodes: readonly NodeView[]
  readonly building: readonly JobView[]
  readonly queued: readonly JobView[]
  /** The newest first. */
  readonly builds: readonly BuildView[]
  readonly problems: readonly string[]
}

export interface Screen {
  readonly columns: number
  /** Infinity: as many as there are. */
  readonly rows: number
  readonly paint: Paint
}

/** A part of the screen: a title and its lines, the most telling first. */
interface Section {
  readonly title: string
  readonly lines: readonly (readonly [text: string, style?: Style])[]
}

/** One section shows no fewer lines than this while it has them; what room is left goes to the first ones. */
const LEAST_LINES = 2

/** The screen, line by line, none longer than it is wide. */
export function topLines(facts: TopFacts, { columns, rows, paint }: Screen): readonly string[] {
  const sections = sectionsOf(facts).filter(({ lines }) => lines.length > 0)
  const head = paint('bold', cut(headLine(facts), columns))
  const problems = facts.problems.map((problem) => paint('yellow', cut(`! ${plain(problem)}`, columns)))
  // Each section costs its title and a blank line.
  const room = rows - 1 - problems.length - sections.length * 2
  const shares = sharesOf(sections, Math.max(0, room))
  const body = sections.flatMap(({ title, lines }, at) => {
    const shown = lines.slice(0, shares[at])
    const hidden = lines.length - shown.length
    const heading = hidden === 0 ? title : `${title} (${hidden} more)`
    return [
      '',
      paint('bold', cut(heading, columns)),
      ...shown.map(([text, style]) => painted(paint, cut(text, columns), style))
    ]
  })
  return [head, ...problems, ...body].slice(0, rows)
}

function headLine({ status, nodes }: TopFacts): string {
  const { mesh, node, queue } = status
  const sum = (name: 'queued' | 'claimed' | 'done' | 'failed'): number =>
    queue.reduce((total, row) => total + row[name], 0)
  const away = nodes.filter(({ self, connected }) => !self && !connected).length
  const fleet = away === 0 ? countOf(nodes.length, 'node') : `${countOf(nodes.length, 'node')}, ${away} away`
  return [
    plain(mesh.name),
    fleet,
    `${sum('claimed')} building, ${sum('queued')} queued, ${sum('done')} done, ${sum('failed')} failed`,
    `seen from ${plain(node.label)}`
  ].join(' · ')
}

function sectionsOf(facts: TopFacts): readonly Section[] {
  const labels = labelsOf(facts.nodes)
  return [
    { title: 'BUILDING', lines: facts.building.map((job) => [jobLine(job, labels), 'cyan'] as const) },
    { title: 'NEWEST', lines: facts.builds.map((build) => buildLine(build, labels)) },
    { title: 'NEXT', lines: facts.queued.map((job) => [jobLine(job, labels)] as const) },
    { title: 'NODES', lines: facts.nodes.map(nodeLine) }
  ]
}

function jobLine(job: JobView, labels: NodeLabels): string {
  const python = plain(job.target.split('-', 1)[0] ?? '')
  return `  ${releaseOf(job).padEnd(30)} ${python.padEnd(6)} ${jobDetail(job, labels)}`
}

function buildLine(build: BuildView, labels: NodeLabels): readonly [string, Style] {
  const { job, failure, durationMs, builder } = build
  const who = labels.get(builder) ?? shortNodeId(builder)
  const what = failure === undefined ? 'built' : `${plain(failure.class)}: ${plain(failure.reason)}`
  const took = durationInWords(durationMs).padEnd(11)
  return [`  ${jobInWords(job).padEnd(37)} ${took} ${who} ${what}`, failure === undefined ? 'green' : 'red']
}

function nodeLine(node: NodeView): readonly [string, Style?] {
  const isAway = !node.self && !node.connected
  const doing = isAway ? 'away' : node.running.length === 0 ? 'idle' : `builds ${node.running.length}`
  const text = `  ${plain(node.label).slice(0, 30).padEnd(30)} ${doing.padEnd(10)} ${node.targets.map((target) => plain(target)).join(' ')}`
  return isAway ? [text, 'dim'] : [text]
}

/** How many lines of each section are shown: at least a few of each, the rest to the first ones. */
function sharesOf(sections: readonly Section[], room: number): readonly number[] {
  let left = room
  const least = sections.map(({ lines }) => {
    const share = Math.min(lines.length, LEAST_LINES, left)
    left -= share
    return share
  })
  return sections.map(({ lines }, at) => {
    const more = Math.min(lines.length - (least[at] ?? 0), left)
    left -= more
    return (least[at] ?? 0) + more
  })
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`
}

function painted(paint: Paint, text: string, style: Style | undefined): string {
  return style === undefined ? text : paint(style, text)
}
