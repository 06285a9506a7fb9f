import type { NodeId, ProjectName } from '../core/ids.ts'
import type { MeshRecord, ObservedRecord } from '../core/record.ts'

export interface Observation {
  readonly recordId: string
  readonly author: NodeId
  readonly record: ObservedRecord
}

/** The newest upstream page of each project that anybody observed. */
export interface Observations {
  /** The project whose newest page changed by this record, if one did. */
  apply(recordId: string, author: NodeId, record: MeshRecord): ProjectName | undefined
  /** Forgets all. */
  reset(): void
  newest(project: ProjectName): Observation | undefined
  projects(): Iterable<ProjectName>
  /** Another number when some project got its first page or lost its page. */
  listRevision(): number
}

export function createObservations(): Observations {
  const newest = new Map<ProjectName, Observation>()
  let listRevision = 0
  return {
    apply(recordId, author, record) {
      if (record.kind !== 'observed') return undefined
      const known = newest.get(record.project)
      const candidate = { recordId, author, record }
      if (known !== undefined && !isNewer(candidate, known)) return undefined
      if ((known?.record.page === undefined) !== (record.page === undefined)) listRevision += 1
      newest.set(record.project, candidate)
      return record.project
    },
    reset() {
      newest.clear()
      listRevision += 1
    },
    newest: (project) => newest.get(project),
    projects: () => newest.keys(),
    listRevision: () => listRevision
  }
}

/**
 * Upstream's serial is monotone per project and beats every clock (an observer of a deletion repeats the last serial it
 * knows); then the observers' clocks decide, then the record id: a total order.
 */
export function isNewer(a: Observation, b: Observation): boolean {
  if (a.record.serial !== b.record.serial) return a.record.serial > b.record.serial
  if (a.record.observedMs !== b.record.observedMs) return a.record.observedMs > b.record.observedMs
  return a.recordId > b.recordId
}
