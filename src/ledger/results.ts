import type { JobId, NodeId, ProjectName, Sha256 } from '../core/ids.ts'
import { parseJobId } from '../core/job.ts'
import type { MeshRecord, ResultRecord, WheelRef } from '../core/record.ts'

/** One result and where it stands. */
export interface ResultFact {
  readonly recordId: string
  readonly author: NodeId
  readonly record: ResultRecord
}

/** Every result, by job and by release; and what was retracted. */
export interface Results {
  apply(recordId: string, author: NodeId, record: MeshRecord): ProjectName | undefined
  ofJob(job: JobId): readonly ResultFact[]
  ofRelease(project: ProjectName, version: string): readonly ResultFact[]
  versionsOf(project: ProjectName): readonly string[]
  retracted(): ReadonlySet<Sha256>
  /** The results that made a file with these bytes. */
  ofWheel(digest: Sha256): readonly ResultFact[]
  /** Whether some result names this blob as its log. */
  isLog(digest: Sha256): boolean
  /** Nodes that signed a result with this blob (wheel, metadata or log): likely holders. */
  holdersOf(digest: Sha256): readonly NodeId[]
  newest(count: number): readonly ResultFact[]
  count(): number
}

export function createResults(): Results {
  const byJob = new Map<JobId, ResultFact[]>()
  const byProject = new Map<ProjectName, Map<string, ResultFact[]>>()
  const byBlob = new Map<Sha256, ResultFact[]>()
  const retracted = new Set<Sha256>()
  const all: ResultFact[] = []

  function add(fact: ResultFact): ProjectName {
    const { project, version } = parseJobId(fact.record.job)
    push(byJob, fact.record.job, fact)
    const versions = byProject.get(project) ?? new Map<string, ResultFact[]>()
    byProject.set(project, versions)
    push(versions, version, fact)
    for (const digest of blobsOf(fact.record)) push(byBlob, digest, fact)
    all.push(fact)
    return project
  }

  return {
    apply(recordId, author, record) {
      if (record.kind === 'result') return add({ recordId, author, record })
      if (record.kind !== 'retract') return undefined
      retracted.add(record.file)
      const [fact] = byBlob.get(record.file) ?? []
      return fact === undefined ? undefined : parseJobId(fact.record.job).project
    },
    ofJob: (job) => byJob.get(job) ?? [],
    ofRelease: (project, version) => byProject.get(project)?.get(version) ?? [],
    versionsOf: (project) => [...(byProject.get(project)?.keys() ?? [])],
    retracted: () => retracted,
    ofWheel: (digest) => (byBlob.get(digest) ?? []).filter(({ record }) => record.wheel?.sha256 === digest),
    isLog: (digest) => (byBlob.get(digest) ?? []).some(({ record }) => record.log.sha256 === digest),
    holdersOf: (digest) => [...new Set((byBlob.get(digest) ?? []).map(({ author }) => author))],
    newest: (count) => [...all].sort(newerFirst).slice(0, count),
    count: () => all.length
  }
}

/** Ties by content: every node lists them alike. */
function newerFirst(a: ResultFact, b: ResultFact): number {
  return finishedMs(b.record) - finishedMs(a.record) || (a.recordId < b.recordId ? -1 : 1)
}

export function finishedMs(record: ResultRecord): number {
  return record.startedMs + record.durationMs
}

function blobsOf({ wheel, log }: ResultRecord): readonly Sha256[] {
  return [log.sha256, ...(wheel === undefined ? [] : wheelBlobs(wheel))]
}

function wheelBlobs(wheel: WheelRef): readonly Sha256[] {
  return [wheel.sha256, wheel.metadata]
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
