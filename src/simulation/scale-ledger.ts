import type { ClaimNote } from '../core/coordination.ts'
import { sha256Hex } from '../core/digest.ts'
import { compareFences } from '../core/fence.ts'
import type { JobId, MeshId, NodeId, TargetId } from '../core/ids.ts'
import { MAX_ENTRY_RECORDS, MAX_WANT_SPECS } from '../core/limits.ts'
import type { Clock } from '../core/ports.ts'
import {
  ROLES,
  type GenesisRecord,
  type InviteTerms,
  type MeshRecord,
  type ResultRecord
} from '../core/record.ts'
import { createMeshState, type MeshState } from '../ledger/mesh-state.ts'
import { createPageBook, type PageBook } from '../ledger/page-book.ts'
import { isUnfinished, JobBoard, type JobRow } from '../scheduler/job-board.ts'
import type { DrawnProject, ScalePackages } from './scale-packages.ts'

const MESH_ID = sha256Hex('a mesh of thousands') as string as MeshId
const NO_BYTES = new Uint8Array(0)
const GiB = 1024 ** 3
/** Founders of the mesh; all others were let in by the first of them. */
const ROOTS = 5

export interface ScaleLedgerParts {
  readonly nodes: readonly NodeId[]
  readonly targets: readonly TargetId[]
  readonly clock: Clock
}

type ChangeListener = (rows: readonly JobRow[]) => void

/**
 * What every node of a converged mesh knows alike, kept once for all of them: members, wants, pages, results, and the queue that
 * follows from them. It is filled with records as a ledger would be.
 */
export class ScaleLedger {
  readonly state: MeshState
  readonly board: JobBoard
  readonly roots: readonly NodeId[]
  readonly #parts: ScaleLedgerParts
  readonly #pages: PageBook
  readonly #listeners = new Map<NodeId, ChangeListener>()
  #changed: JobRow[] = []
  #entries = 0

  constructor(parts: ScaleLedgerParts) {
    this.#parts = parts
    this.roots = parts.nodes.slice(0, ROOTS)
    this.state = createMeshState(genesisOf(this.roots), { checkJoin: () => TERMS })
    this.#pages = createPageBook(this.state.observations)
    this.board = new JobBoard({
      state: this.state,
      pages: this.#pages,
      clock: parts.clock,
      needPage: (project) => {
        throw new Error(`the page of ${project} is not there`)
      }
    })
    this.board.onChange((rows) => {
      this.#changed.push(...rows)
    })
  }

  /** Members, what they build for, and what is wanted. The queue is made of it at the end. */
  fill({ projects }: ScalePackages): void {
    const { nodes } = this.#parts
    const [first] = this.roots
    if (first === undefined) throw new RangeError('a mesh has at least one node')
    const guests = nodes.slice(this.roots.length)
    this.#write(
      first,
      guests.map((subject) => admissionOf(subject, first))
    )
    for (const node of nodes) this.#write(node, [this.#nodeRecord(node)])
    for (const drawn of projects) this.#publishPage(first, drawn)
    for (let at = 0; at < projects.length; at += MAX_WANT_SPECS) {
      const specs = projects
        .slice(at, at + MAX_WANT_SPECS)
        .map(({ project }) => ({ project, specifier: '>=0' }))
      const asked = { targets: [], priority: 'backlog', batch: false, atomic: false, createdMs: at } as const
      this.#write(first, [{ kind: 'want', specs, ...asked }])
    }
    this.board.refreshAll()
    this.#changed = []
  }

  /** A result gets everywhere: the queue is others' now. Returns what changed in it. */
  fold(author: NodeId, result: ResultRecord): readonly JobRow[] {
    this.board.apply(this.#apply(author, [result]))
    const changed = this.#changed
    this.#changed = []
    return changed
  }

  /** What changed in the queue, to the builder of a node. */
  tell(node: NodeId, rows: readonly JobRow[]): void {
    this.#listeners.get(node)?.(rows)
  }

  /** What a node's builder is told of; its next process takes the place of the one before. */
  listen(node: NodeId, listener: ChangeListener): void {
    this.#listeners.set(node, listener)
  }

  /** The result of this very claim is known to everybody. */
  hasResult({ job, builder, fence }: ClaimNote): boolean {
    return this.state.results
      .ofJob(job)
      .some(({ author, record }) => author === builder && compareFences(record.fence, fence) === 0)
  }

  *openJobs(): Iterable<JobId> {
    for (const target of this.#parts.targets) yield* this.board.openJobs(target, { isServed: () => true })
  }

  unfinished(): number {
    let count = 0
    for (const row of this.board.rows()) if (isUnfinished(row)) count++
    return count
  }

  #publishPage(author: NodeId, { project, versions }: DrawnProject): void {
    const files = versions.map((version) => {
      const filename = `${project}-${version}.tar.gz`
      return {
        filename,
        url: `http://upstream.invalid/${filename}`,
        hashes: { sha256: sha256Hex(filename) },
        size: 1
      }
    })
    const page = { meta: { 'api-version': '1.1', '_last-serial': 1 }, name: project, files, versions }
    const body = new TextEncoder().encode(JSON.stringify(page))
    const digest = sha256Hex(body)
    const observed = { project, serial: 1, page: digest, pageSize: body.byteLength, observedMs: 1 }
    this.#apply(author, [{ kind: 'observed', ...observed }])
    if (!this.#pages.put(project, digest, body)) throw new Error(`the page of ${project} is not understood`)
  }

  #nodeRecord(label: NodeId): MeshRecord {
    const hardware = { arch: 'armv7l', cores: 4, memoryBytes: GiB, model: 'simulated' }
    const said = { saidMs: 1, label, contact: '', software: 'simulated', addresses: [] }
    return { kind: 'node', ...said, roles: ROLES, targets: this.#parts.targets, hardware }
  }

  #write(author: NodeId, records: readonly MeshRecord[]): void {
    for (let at = 0; at < records.length; at += MAX_ENTRY_RECORDS)
      this.#apply(author, records.slice(at, at + MAX_ENTRY_RECORDS))
  }

  #apply(node: NodeId, records: readonly MeshRecord[]): ReturnType<MeshState['apply']> {
    const seq = ++this.#entries
    const feed = { meshId: MESH_ID, node, incarnation: '0'.repeat(16), seq, prev: '' } as const
    return this.state.apply({ ...feed, records, hash: sha256Hex(`entry ${seq}`) })
  }
}

const TERMS: InviteTerms = {
  meshId: MESH_ID,
  inviteKey: new Uint8Array(32),
  uses: 1_000_000,
  expiresMs: Number.MAX_SAFE_INTEGER,
  roles: ROLES,
  level: 'trusted'
}

function genesisOf(roots: readonly NodeId[]): GenesisRecord {
  const policy = { publishQuorum: 2, replication: 3, defaultLevel: 'trusted' } as const
  return { kind: 'genesis', name: 'scale', roots, policy, createdMs: 0, nonce: '' }
}

function admissionOf(subject: NodeId, issuer: NodeId): MeshRecord {
  const proof = { issuer, terms: NO_BYTES, issuerSignature: NO_BYTES, subjectSignature: NO_BYTES }
  return { kind: 'admit', subject, proof }
}
