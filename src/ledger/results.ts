import type { JobId, NodeId, ProjectName, Sha256 } from '../core/ids.ts'
import { jobParts } from '../core/job.ts'
import type { Row, RowStore } from '../core/ports.ts'
import type { MeshRecord, ResultRecord } from '../core/record.ts'
import { decodeFacts, rowFactId } from './fact-row.ts'
import { NewestResults } from './newest-results.ts'
import { Recent } from './recent.ts'
import { blobKey, projectKey, releaseKey, releaseOf, ROW, type TouchedRelease } from './row-keys.ts'
import { bytesText, linesOf } from './line-row.ts'

/** One result and where it stands. */
export interface ResultFact {
  readonly recordId: string
  readonly author: NodeId
  readonly record: ResultRecord
}

/** A release and its results. */
export interface ReleaseResults extends TouchedRelease {
  readonly facts: readonly ResultFact[]
}

/** Every result, read from stored rows; and what was retracted. The results of a release come in the order in which they were finished. */
export interface Results {
  /** Takes note of a record whose rows are stored. The releases whose results are others now. */
  apply(recordId: string, author: NodeId, record: MeshRecord): readonly TouchedRelease[]
  ofJob(job: JobId): readonly ResultFact[]
  ofRelease(project: ProjectName, version: string): readonly ResultFact[]
  versionsOf(project: ProjectName): readonly string[]
  retracted(): ReadonlySet<Sha256>
  /** The results whose wheel or log is this blob. */
  ofBlob(digest: Sha256): readonly ResultFact[]
  /** The results that made a file with these bytes. */
  ofWheel(digest: Sha256): readonly ResultFact[]
  /** Whether some result names this blob as its log. */
  isLog(digest: Sha256): boolean
  /** Nodes that signed a result with this blob as its wheel or log: likely holders. */
  holdersOf(digest: Sha256): readonly NodeId[]
  /** Nodes that signed a result. */
  authors(): Iterable<NodeId>
  /** At most {@link MAX_NEWEST}. */
  newest(count: number): readonly ResultFact[]
  count(): number
  /** Every release that has results, by project and version; `after`: those that follow it. */
  scan(after?: TouchedRelease): AsyncIterable<ReleaseResults>
}

/** Results kept decoded, of some 2 KiB each: the releases that a busy board or index looks at again and again. */
const MAX_DECODED = 5_000
/** Lists of versions kept: of projects without any, too. */
const MAX_PROJECTS = 5_000
const NONE: readonly never[] = []

export interface ResultParts {
  readonly rows: Pick<RowStore, 'get' | 'scan'>
  read(slice: Uint8Array): MeshRecord
}

export class StoredResults implements Results {
  readonly newestResults = new NewestResults()
  readonly #parts: ResultParts
  readonly #releases = new Recent<string, readonly ResultFact[]>(MAX_DECODED, (facts) => facts.length + 1)
  readonly #versions = new Recent<ProjectName, ReadonlySet<string>>(MAX_PROJECTS, () => 1)
  readonly #retracted = new Set<Sha256>()
  readonly #counts = new Map<NodeId, number>()

  constructor(parts: ResultParts) {
    this.#parts = parts
  }

  /** Forgets what it holds in memory, and takes over what rows say. */
  restore(rows: { readonly newest: readonly Row[]; readonly authors: readonly Row[] }): void {
    this.#releases.clear()
    this.#versions.clear()
    this.#retracted.clear()
    this.#counts.clear()
    this.newestResults.restore(rows.newest)
    for (const { key, value } of rows.authors) {
      this.#counts.set(key.slice(ROW.author.length) as NodeId, Number(bytesText(value)))
    }
  }

  apply(recordId: string, author: NodeId, record: MeshRecord): readonly TouchedRelease[] {
    if (record.kind === 'result') return [this.#note(recordId, author, record)]
    if (record.kind !== 'retract') return NONE
    this.#retracted.add(record.file)
    return this.ofWheel(record.file).map(touchedBy)
  }

  ofJob(job: JobId): readonly ResultFact[] {
    const { project, version } = jobParts(job)
    const facts = this.ofRelease(project, version)
    return facts.filter(({ record }) => record.job === job)
  }

  ofRelease(project: ProjectName, version: string): readonly ResultFact[] {
    // Most releases that upstream has were never built here: one row tells for all of them.
    if (!this.#versionSet(project).has(version)) return NONE
    const key = releaseKey(project, version)
    const known = this.#releases.get(key)
    if (known !== undefined) return known
    const row = this.#parts.rows.get(key)
    const facts = row === undefined ? NONE : this.#factsOf(row)
    this.#releases.set(key, facts)
    return facts
  }

  versionsOf(project: ProjectName): readonly string[] {
    return [...this.#versionSet(project)]
  }

  retracted(): ReadonlySet<Sha256> {
    return this.#retracted
  }

  ofBlob(digest: Sha256): readonly ResultFact[] {
    const row = this.#parts.rows.get(blobKey(digest))
    if (row === undefined) return NONE
    return linesOf(bytesText(row))
      .map(releaseOf)
      .flatMap(({ project, version }) => this.ofRelease(project, version))
      .filter(({ record: { wheel, log } }) => wheel?.sha256 === digest || log.sha256 === digest)
  }

  ofWheel(digest: Sha256): readonly ResultFact[] {
    return this.ofBlob(digest).filter(({ record }) => record.wheel?.sha256 === digest)
  }

  isLog(digest: Sha256): boolean {
    return this.ofBlob(digest).some(({ record }) => record.log.sha256 === digest)
  }

  holdersOf(digest: Sha256): readonly NodeId[] {
    return [...new Set(this.ofBlob(digest).map(({ author }) => author))]
  }

  authors(): Iterable<NodeId> {
    return this.#counts.keys()
  }

  newest(count: number): readonly ResultFact[] {
    const items = this.newestResults.all().slice(0, count)
    return items.flatMap(({ project, version, recordId }) =>
      this.ofRelease(project, version).filter((fact) => fact.recordId === recordId)
    )
  }

  count(): number {
    let count = 0
    for (const ofAuthor of this.#counts.values()) count += ofAuthor
    return count
  }

  async *scan(after?: TouchedRelease): AsyncIterable<ReleaseResults> {
    const from = after && releaseKey(after.project, after.version)
    for await (const { key, value } of this.#parts.rows.scan(ROW.release, from))
      yield { ...releaseOf(key.slice(ROW.release.length)), facts: this.#factsOf(value) }
  }

  #note(recordId: string, author: NodeId, record: ResultRecord): TouchedRelease {
    const { project, version } = jobParts(record.job)
    this.#releases.delete(releaseKey(project, version))
    if (this.#versions.get(project)?.has(version) === false) this.#versions.delete(project)
    this.#counts.set(author, (this.#counts.get(author) ?? 0) + 1)
    this.newestResults.add({ finishedMs: finishedMs(record), recordId, project, version })
    return { project, version }
  }

  #versionSet(project: ProjectName): ReadonlySet<string> {
    const known = this.#versions.get(project)
    if (known !== undefined) return known
    const row = this.#parts.rows.get(projectKey(project))
    const versions = new Set(row === undefined ? NONE : linesOf(bytesText(row)))
    this.#versions.set(project, versions)
    return versions
  }

  #factsOf(row: Uint8Array): readonly ResultFact[] {
    return decodeFacts(row).flatMap((fact) => {
      const record = this.#parts.read(fact.slice)
      return record.kind === 'result' ? [{ recordId: rowFactId(fact), author: fact.author, record }] : []
    })
  }
}

export function touchedBy({ record }: ResultFact): TouchedRelease {
  const { project, version } = jobParts(record.job)
  return { project, version }
}

export function finishedMs(record: ResultRecord): number {
  return record.startedMs + record.durationMs
}
