import type { JobStateView, JobView, NodeView } from '../http/api-types.ts'
import type { Style } from './paint.ts'
import type { Cell } from './table.ts'
import { durationInWords, plain, shortNodeId, sizeInWords } from './words.ts'

/** What people call each node, by node id. */
export type NodeLabels = ReadonlyMap<string, string>

export function labelsOf(nodes: readonly NodeView[]): NodeLabels {
  return new Map(nodes.map(({ id, label }) => [id, plain(label)]))
}

const STYLES: Readonly<Partial<Record<JobStateView, Style>>> = {
  building: 'cyan',
  built: 'green',
  failed: 'red',
  waiting: 'yellow',
  upstream: 'dim',
  skipped: 'dim',
  excluded: 'dim'
}

export function stateCell(state: JobStateView): Cell {
  const style = STYLES[state]
  return style === undefined ? { text: state } : { text: state, style }
}

/** `docopt 0.6.2`; the spec itself where no release is known. */
export function releaseOf({ id, project, version }: JobView): string {
  return plain(version === '' ? id : `${project} ${version}`)
}

/** What there is to say of a job besides its state. */
export function jobDetail(job: JobView, labels: NodeLabels): string {
  return plain(detailOf(job, labels))
}

function detailOf(job: JobView, labels: NodeLabels): string {
  const { state, failure, wheel, reason } = job
  if (state === 'building') return joined([job.phase, elapsed(job), on(job, labels)])
  if (state === 'built' && wheel !== undefined) {
    return joined([`${wheel.filename} (${sizeInWords(wheel.size)})`, elapsed(job), on(job, labels)])
  }
  if (state === 'failed' && failure !== undefined) return `${failure.class}: ${failure.reason}`
  return reason
}

function elapsed({ elapsedMs }: JobView): string | undefined {
  return elapsedMs === undefined ? undefined : durationInWords(elapsedMs)
}

function on({ builder }: JobView, labels: NodeLabels): string | undefined {
  return builder === undefined ? undefined : `on ${labels.get(builder) ?? shortNodeId(builder)}`
}

function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(', ')
}
