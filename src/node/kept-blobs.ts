import type { NodeId, ProjectName, Sha256 } from '../core/ids.ts'
import { parseJobId } from '../core/job.ts'
import type { Entry, ObservedRecord, WheelRef } from '../core/record.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { ReleaseResults, ResultFact } from '../ledger/results.ts'
import type { KeptBlob, KeptBlobs } from '../replication/replica-ports.ts'

type KeptState = Pick<MeshState, 'results' | 'membership' | 'observations'>

/** The blobs that the mesh keeps: wheels, their METADATA and the logs of results that count, and the newest page of each project. */
export class KeptRecords implements KeptBlobs {
  readonly #state: KeptState
  /** Pages by their digest, as of the last walk and of what came since: the ledger finds them by project only. */
  #pages = new Map<Sha256, ProjectName>()

  constructor(state: KeptState) {
    this.#state = state
  }

  /** Rows are read anew for every slice: a walk may take hours, and must not hold a snapshot of the database for as long. */
  async *slices(blobs: number): AsyncIterable<readonly KeptBlob[]> {
    let last: ReleaseResults | undefined
    for (;;) {
      const slice: KeptBlob[] = []
      const before = last
      for await (const release of this.#state.results.scan(last)) {
        last = release
        slice.push(...release.facts.flatMap((fact) => this.#ofResult(fact)))
        if (slice.length >= blobs) break
      }
      if (last === before) break
      yield slice
    }
    yield* this.#pageSlices(blobs)
  }

  find(digest: Sha256): KeptBlob | undefined {
    const { results } = this.#state
    for (const fact of results.ofBlob(digest))
      for (const blob of this.#ofResult(fact)) if (blob.digest === digest) return blob
    const project = this.#pages.get(digest)
    const newest = project && this.#state.observations.newest(project)
    return newest?.record.page === digest ? this.#pageOf(newest.author, newest.record) : undefined
  }

  /** The blobs that a new entry speaks of. */
  ofEntry({ node: author, hash, records }: Entry): readonly KeptBlob[] {
    return records.flatMap((record, index) => {
      if (record.kind === 'result') return this.#ofResult({ author, record, recordId: `${hash}:${index}` })
      if (record.kind !== 'observed') return []
      const newest = this.#state.observations.newest(record.project)
      if (newest?.record !== record) return []
      return this.#pageOf(author, record) ?? []
    })
  }

  async *#pageSlices(blobs: number): AsyncIterable<readonly KeptBlob[]> {
    const { observations } = this.#state
    const pages = new Map<Sha256, ProjectName>()
    let slice: KeptBlob[] = []
    for (const project of [...observations.projects()]) {
      const newest = observations.newest(project)
      const page = newest && this.#pageOf(newest.author, newest.record)
      if (page === undefined) continue
      pages.set(page.digest, project)
      slice.push(page)
      if (slice.length < blobs) continue
      yield slice
      slice = []
    }
    yield slice
    this.#pages = pages
  }

  #pageOf(author: NodeId, { project, page, pageSize }: ObservedRecord): KeptBlob | undefined {
    if (page === undefined) return undefined
    this.#pages.set(page, project)
    return { digest: page, size: pageSize, key: page, kind: 'page', project, authors: [author] }
  }

  #ofResult({ author, record }: ResultFact): readonly KeptBlob[] {
    if (this.#state.membership.levelOf(author) === undefined) return []
    const { project, target } = parseJobId(record.job)
    const about = { project, target, authors: [author] }
    const { sha256: digest, size } = record.log
    const log: KeptBlob = { digest, size, key: digest, kind: 'log', ...about }
    const { wheel } = record
    if (wheel === undefined || this.#state.results.retracted().has(wheel.sha256)) return [log]
    return [...wheelBlobs(wheel, about), log]
  }
}

function wheelBlobs(
  { sha256, size, pieces, metadata, metadataSize }: WheelRef,
  about: Pick<KeptBlob, 'project' | 'target' | 'authors'>
): readonly KeptBlob[] {
  return [
    { digest: sha256, size, ...(pieces && { pieces }), key: sha256, kind: 'wheel', ...about },
    { digest: metadata, size: metadataSize, key: sha256, kind: 'metadata', ...about }
  ]
}
