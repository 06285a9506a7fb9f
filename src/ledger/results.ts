import type { JobId, NodeId, ProjectName, Sha256 } from '../core/ids.ts'
import { parseJobId } from '../core/job.ts'
import type { MeshRecord, ResultRecord, WheelRef } from '../core/record.ts'

/** One result and where it stands. */
export interface ResultFact {
  readonly recordId: string
  readonly author: NodeId
  readonly record: ResultRecord
}

/** A release that a record is about. */
export interface TouchedRelease {
  readonly project: ProjectName
  readonly version: string
}

/** Every result, by job and by release; and what was retracted. */
export interface Results {
  /** The releases whose results are others now. */
  apply(recordId: string, author: NodeId, record: MeshRecord): readonly TouchedRelease[]
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
  authors(): Iterable<NodeId>
  /** The releases that a node built something of. */
  releasesOf(author: NodeId): readonly TouchedRelease[]
  newest(count: number): readonly ResultFact[]
  count(): number
}

export function createResults(): Results {
  const byJob = new Map<JobId, ResultFact[]>()
  const byProject = new Map<ProjectName, Map<string, ResultFact[]>>()
  const byBlob = new Map<Sha256, ResultFact[]>()
  const retracted = new Set<Sha256>()
  const all: ResultFact[] = []
  const authors = new Set<NodeId>()

  function add(fact: ResultFact): TouchedRelease {
    const { project, version } = parseJobId(fact.record.job)
    push(byJob, fact.record.job, fact)
    const versions = byProject.get(project) ?? new Map<string, ResultFact[]>()
    byProject.set(project, versions)
    push(versions, version, fact)
    for (const digest of blobsOf(fact.record)) push(byBlob, digest, fact)
    all.push(fact)
    authors.add(fact.author)
    return { project, version }
  }

  function madeFrom(digest: Sha256): readonly ResultFact[] {
    return (byBlob.get(digest) ?? []).filter(({ record }) => record.wheel?.sha256 === digest)
  }

  return {
    apply(recordId, author, record) {
      if (record.kind === 'result') return [add({ recordId, author, record })]
      if (record.kind !== 'retract') return []
      retracted.add(record.file)
      return madeFrom(record.file).map(touched)
    },
    ofJob: (job) => byJob.get(job) ?? [],
    ofRelease: (project, version) => byProject.get(project)?.get(version) ?? [],
    versionsOf: (project) => [...(byProject.get(project)?.keys() ?? [])],
    retracted: () => retracted,
    ofWheel: madeFrom,
    authors: () => authors,
    releasesOf: (author) => all.filter((fact) => fact.author === author).map(touched),
    isLog: (digest) => (byBlob.get(digest) ?? []).some(({ record }) => record.log.sha256 === digest),
    holdersOf: (digest) => [...new Set((byBlob.get(digest) ?? []).map(({ author }) => author))],
    newest: (count) => [...all].sort(newerFirst).slice(0, count),
    count: () => all.length
  }
}

function touched({ record }: ResultFact): TouchedRelease {
  const { project, version } = parseJobId(record.job)
  return { project, version }
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
