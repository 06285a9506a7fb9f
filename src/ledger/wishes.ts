import type { NodeId, ProjectName, TargetId } from '../core/ids.ts'
import type { MeshRecord, ProjectSpec, SkipRecord, WantPriority, WantRecord } from '../core/record.ts'
import { createBatches, type Batches } from './batches.ts'

/** One want as it stands for one project. */
export interface Wish {
  /** Id of the want record. */
  readonly wantId: string
  readonly author: NodeId
  readonly project: ProjectName
  readonly specifier: string
  /** Empty: every target of the mesh. */
  readonly targets: readonly TargetId[]
  readonly priority: WantPriority
  readonly batch: boolean
  readonly atomic: boolean
  readonly createdMs: number
}

/** What the mesh is asked to build and to leave alone, from `want`, `unwant`, `skip` and `unskip` records. */
export interface Wishes {
  apply(recordId: string, author: NodeId, record: MeshRecord): readonly ProjectName[]
  /** Forgets all. */
  reset(): void
  /** Wishes for a project, oldest first. */
  forProject(project: ProjectName): readonly Wish[]
  projects(): Iterable<ProjectName>
  want(wantId: string): WantRecord | undefined
  /** Oldest first; ties by id, so that it is the same list on every node and after every start. */
  wants(): Iterable<readonly [string, WantRecord]>
  authorOf(wantId: string): NodeId | undefined
  readonly batches: Batches
  /** Why a release is not to be built, or undefined. */
  skipReason(project: ProjectName, version: string): string | undefined
}

export function createWishes(): Wishes {
  const byProject = new Map<ProjectName, Wish[]>()
  const wants = new Map<string, WantRecord>()
  const authors = new Map<string, NodeId>()
  const batches = createBatches()
  const unwantedBefore = new Map<ProjectName, number>()
  const skips = new Map<string, { readonly record: SkipRecord; readonly recordId: string }>()

  function addWant(recordId: string, author: NodeId, record: WantRecord): readonly ProjectName[] {
    wants.set(recordId, record)
    authors.set(recordId, author)
    batches.add(recordId, author, record)
    for (const spec of record.specs) {
      const wishes = byProject.get(spec.project) ?? []
      wishes.push(wishOf(recordId, author, record, spec))
      wishes.sort((a, b) => a.createdMs - b.createdMs || (a.wantId < b.wantId ? -1 : 1))
      byProject.set(spec.project, wishes)
    }
    return record.specs.map(({ project }) => project)
  }

  function addSkip(recordId: string, record: SkipRecord): readonly ProjectName[] {
    const key = `${record.project} ${record.version}`
    const known = skips.get(key)
    const later =
      known === undefined ||
      record.createdMs > known.record.createdMs ||
      (record.createdMs === known.record.createdMs && recordId > known.recordId)
    if (later) skips.set(key, { record, recordId })
    return later ? [record.project] : []
  }

  function reasonOf(key: string): string | undefined {
    const record = skips.get(key)?.record
    return record?.kind === 'skip' ? record.reason : undefined
  }

  return {
    apply(recordId, author, record) {
      if (record.kind === 'want') return addWant(recordId, author, record)
      if (record.kind === 'skip' || record.kind === 'unskip') return addSkip(recordId, record)
      if (record.kind !== 'unwant') return []
      for (const project of record.projects) {
        unwantedBefore.set(project, Math.max(record.createdMs, unwantedBefore.get(project) ?? 0))
      }
      return record.projects
    },
    reset() {
      for (const map of [byProject, wants, authors, unwantedBefore, skips]) map.clear()
      batches.reset()
    },
    forProject(project) {
      const since = unwantedBefore.get(project) ?? -1
      return (byProject.get(project) ?? []).filter(({ createdMs }) => createdMs > since)
    },
    projects: () => byProject.keys(),
    want: (wantId) => wants.get(wantId),
    wants: () =>
      [...wants].sort(([a, one], [b, other]) => one.createdMs - other.createdMs || (a < b ? -1 : 1)),
    authorOf: (wantId) => authors.get(wantId),
    batches,
    skipReason: (project, version) => reasonOf(`${project} ${version}`) ?? reasonOf(`${project} `)
  }
}

function wishOf(wantId: string, author: NodeId, record: WantRecord, spec: ProjectSpec): Wish {
  const { targets, priority, batch, atomic, createdMs } = record
  return { ...spec, wantId, author, targets, priority, batch, atomic, createdMs }
}
