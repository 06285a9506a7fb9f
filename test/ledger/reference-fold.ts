import { parseJobId } from '../../src/core/job.ts'
import type { Entry, MeshRecord, ResultRecord } from '../../src/core/record.ts'

interface Found {
  readonly id: string
  readonly author: string
  readonly record: MeshRecord
}

interface FoundResult extends Found {
  readonly record: ResultRecord
}

/** What entries mean, by going through all of them: nothing is stored, nothing is kept up to date, and so nothing can be stale. */
export interface ReferenceFold {
  /** `<project> <version>` → record ids of its results, in the order in which they were finished. */
  readonly releases: Readonly<Record<string, readonly string[]>>
  readonly count: number
  readonly authors: readonly string[]
  readonly newest: readonly string[]
  /** Project → record id of its newest observation. */
  readonly observed: Readonly<Record<string, string>>
  readonly wants: readonly string[]
  readonly retracted: readonly string[]
  /** Node → when it said what it said last. */
  readonly nodes: Readonly<Record<string, number>>
}

export function referenceFold(entries: readonly Entry[]): ReferenceFold {
  const all = entries.flatMap(({ hash, node, records }) =>
    records.map((record, index): Found => ({ id: `${hash}:${index}`, author: node, record }))
  )
  const results = all.filter((one): one is FoundResult => one.record.kind === 'result')
  return {
    releases: releasesOf(results),
    count: results.length,
    authors: [...new Set(results.map(({ author }) => author))].sort(),
    newest: results
      .toSorted((a, b) => endOf(b.record) - endOf(a.record) || compare(a.id, b.id))
      .map(({ id }) => id),
    observed: newestObservations(all),
    nodes: lastWords(all),
    wants: all
      .filter(({ record }) => record.kind === 'want')
      .map(({ id }) => id)
      .sort(),
    retracted: [
      ...new Set(all.flatMap(({ record }) => (record.kind === 'retract' ? [record.file as string] : [])))
    ].sort()
  }
}

function releasesOf(results: readonly FoundResult[]): Record<string, string[]> {
  const releases: Record<string, string[]> = {}
  const inOrder = results.toSorted((a, b) => endOf(a.record) - endOf(b.record) || compare(a.id, b.id))
  for (const { id, record } of inOrder) {
    const { project, version } = parseJobId(record.job)
    ;(releases[`${project} ${version}`] ??= []).push(id)
  }
  return releases
}

function newestObservations(all: readonly Found[]): Record<string, string> {
  const observed: Record<string, { readonly id: string; readonly rank: readonly [number, number] }> = {}
  for (const { id, record } of all) {
    if (record.kind !== 'observed') continue
    const known = observed[record.project]
    const [serial, ms] = known?.rank ?? [-1, -1]
    const newer = record.serial - serial || record.observedMs - ms || compare(id, known?.id ?? '')
    if (newer > 0) observed[record.project] = { id, rank: [record.serial, record.observedMs] }
  }
  return Object.fromEntries(Object.entries(observed).map(([project, { id }]) => [project, id]))
}

function lastWords(all: readonly Found[]): Record<string, number> {
  const nodes: Record<string, number> = {}
  for (const { author, record } of all)
    if (record.kind === 'node') nodes[author] = Math.max(nodes[author] ?? 0, record.saidMs)
  return nodes
}

function endOf({ startedMs, durationMs }: ResultRecord): number {
  return startedMs + durationMs
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
