import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { JobId, NodeId, ProjectName, Sha256, TargetId } from '../../src/core/ids.ts'
import { jobId, parseJobId } from '../../src/core/job.ts'
import { BATCH_QUIET_MS } from '../../src/core/limits.ts'
import type {
  Entry,
  FailureClass,
  MeshRecord,
  NodeRecord,
  ResultRecord,
  WantRecord,
  WheelRef
} from '../../src/core/record.ts'
import { publishedWheels } from '../../src/ledger/catalogue.ts'
import { createMeshState, type MeshState } from '../../src/ledger/mesh-state.ts'
import { createPageBook, type PageBook } from '../../src/ledger/page-book.ts'
import { JobBoard } from '../../src/scheduler/job-board.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aGenesis, aResult, aWant } from '../support/make-record.ts'
import { FakeClock } from '../support/test-ports.ts'

export const [CP39, CP311] = ['cp39', 'cp311'].map((python) => `${python}-linux_x86_64-glibc2.36`) as [
  TargetId,
  TargetId
]
/** When the wants of these tests are made, by their author's clock. */
export const WANTED_MS = 1_700_000_000_000

export interface PageRelease {
  readonly version: string
  /** PEP 700; absent: upstream does not say. */
  readonly uploadTime?: string
}

/** What a root says of itself that builds for these targets. */
export function aBuilderOf(targets: readonly TargetId[]): NodeRecord {
  return {
    kind: 'node',
    saidMs: 1,
    label: 'root',
    contact: '',
    roles: ['build'],
    targets,
    hardware: { arch: 'x64', cores: 1, memoryBytes: 1, model: '' },
    software: 't',
    addresses: []
  }
}

/** Entries of several feeds, made by hand; each can be given to any number of boards, in any order. */
class Feeds {
  readonly entries: Entry[] = []
  readonly nodes: readonly NodeId[]
  readonly #seqs = new Map<NodeId, number>()

  constructor(nodes: readonly NodeId[]) {
    this.nodes = nodes
  }

  append(node: NodeId, ...records: readonly MeshRecord[]): Entry {
    const seq = (this.#seqs.get(node) ?? 0) + 1
    this.#seqs.set(node, seq)
    const hash = sha256Hex(`${node} ${seq}`)
    const entry = {
      meshId: MESH.meshId,
      node,
      incarnation: '0'.repeat(16),
      seq,
      prev: '',
      records,
      hash
    } as const
    this.entries.push(entry)
    return entry
  }
}

export const [ROOT, OTHER] = [signerOf('root').nodeId, signerOf('builder').nodeId]
const MESH = sealGenesis(aGenesis({ roots: [ROOT, OTHER] }))

/** One node's state and board, fed with entries by hand. */
export class BoardKit {
  readonly state: MeshState
  readonly pages: PageBook
  readonly board: JobBoard
  readonly clock = new FakeClock()
  readonly feeds = new Feeds([ROOT, OTHER])
  /** Bytes of the pages that this node holds. */
  readonly #bodies = new Map<string, { project: ProjectName; body: Uint8Array }>()
  #observed = 0
  #terms = 0

  constructor(targets: readonly TargetId[] = [CP311]) {
    this.state = createMeshState(
      MESH.genesis,
      createEntryCodec(MESH.meshId, signerOf('root'), createVerifier())
    )
    this.pages = createPageBook(this.state.observations)
    this.board = new JobBoard({
      state: this.state,
      pages: this.pages,
      clock: this.clock,
      needPage: () => undefined
    })
    if (targets.length > 0) this.feed(aBuilderOf(targets))
  }

  feed(...records: readonly MeshRecord[]): Entry {
    return this.take(this.feeds.append(ROOT, ...records))
  }

  feedFrom(node: NodeId, ...records: readonly MeshRecord[]): Entry {
    return this.take(this.feeds.append(node, ...records))
  }

  take(entry: Entry): Entry {
    this.board.apply(this.state.apply(entry))
    return entry
  }

  /** The page of a project, observed, and its bytes here unless `isAway`. */
  observe(name: string, releases: readonly PageRelease[] = [{ version: '1.0' }], isAway = false): Entry {
    const project = normalizeName(name)
    const files = releases.map(({ version, uploadTime }) => ({
      filename: `${name}-${version}.tar.gz`,
      url: `http://127.0.0.1/${name}-${version}.tar.gz`,
      hashes: { sha256: sha256Hex(`sdist ${name} ${version}`) },
      ...(uploadTime === undefined ? {} : { 'upload-time': uploadTime })
    }))
    const text = JSON.stringify({ meta: { 'api-version': '1.1' }, name: project, files })
    const page = sha256Hex(text)
    this.#bodies.set(page, { project, body: new TextEncoder().encode(text) })
    const observedMs = ++this.#observed
    const entry = this.feed({ kind: 'observed', project, serial: 0, page, pageSize: text.length, observedMs })
    if (!isAway) this.loadPages(this)
    return entry
  }

  /** Brings the bytes of all pages that another kit observed. */
  loadPages(from: BoardKit): void {
    for (const [digest, { project, body }] of from.#bodies)
      if (this.state.observations.newest(project)?.record.page === digest)
        this.pages.put(project, digest as Sha256, body)
    for (const { project } of from.#bodies.values()) this.board.refresh(project)
  }

  want(names: readonly string[], over: Partial<WantRecord> = {}): string {
    const specs = names.map((name) => {
      const [project = '', version] = name.split('==')
      return { project: normalizeName(project), specifier: version === undefined ? '' : `==${version}` }
    })
    const record = aWant({ specs, targets: [CP311], batch: true, createdMs: WANTED_MS, ...over })
    return `${this.feed(record).hash}:0`
  }

  /** A batch of projects with one release each, its quiet time over. */
  async startBatch(...names: readonly string[]): Promise<string> {
    for (const name of names) this.observe(name)
    const want = this.want(names)
    await this.clock.advance(BATCH_QUIET_MS)
    return want
  }

  standing(want: string): { readonly round: number; readonly state: string; readonly failing: string } {
    const standing = this.board.batches.standing(want)
    if (standing === undefined) throw new TypeError(`no batch of ${want}`)
    const { round, state, failing } = standing
    return { round, state, failing: failing.map((id) => id.split('=')[0]).join(' ') }
  }

  /** Builds a job as a node would that sees this board: with a later fence, and the time that it is built. */
  result(job: JobId, over: Partial<ResultRecord> = {}): ResultRecord {
    const { project, version, target } = parseJobId(job)
    const python = target.split('-')[0]!
    const filename = `${project}-${version}-${python}-${python}-linux_x86_64.whl`
    const pass = this.board.batches.passOf(job)
    const base = aResult({ job, startedMs: WANTED_MS + 60_000 })
    return {
      ...base,
      sdist: { filename: `${project}-${version}.tar.gz`, sha256: sha256Hex(`sdist ${project} ${version}`) },
      fence: { ...base.fence, term: ++this.#terms },
      wheel: { ...base.wheel!, filename, sha256: sha256Hex(`wheel ${job}`) },
      ...(pass === 1 ? {} : { pass }),
      ...over
    }
  }

  failure(job: JobId, kind: FailureClass = 'package', over: Partial<ResultRecord> = {}): ResultRecord {
    const { wheel, ...rest } = this.result(job, over)
    if (wheel === undefined) throw new TypeError('a result has a wheel')
    return { ...rest, failure: { class: kind, cause: 'x', reason: 'y' } }
  }

  succeed(...names: readonly string[]): void {
    for (const name of names) this.feed(this.result(job(name)))
  }

  fail(...names: readonly string[]): void {
    for (const name of names) this.feed(this.failure(job(name)))
  }

  /** What a builder would be offered, by short name. */
  offered(target: TargetId = CP311, isServed: (target: TargetId) => boolean = () => true): readonly string[] {
    return [...this.board.openJobs(target, { isServed })].map(short).sort()
  }

  states(): Record<string, string> {
    const states = [...this.board.rows()].map(({ id, state }) => [short(id), state.kind] as const)
    return Object.fromEntries(states.sort())
  }

  wheels(...names: readonly string[]): readonly WheelRef[] {
    return names.flatMap((name) => {
      const project = normalizeName(name)
      const releases = this.pages.releases(project)?.releases ?? []
      const isStaged = (record: ResultRecord): boolean => this.board.batches.isStaged(record)
      return publishedWheels(this.state, project, releases, isStaged).map(({ wheel }) => wheel)
    })
  }

  listed(...names: readonly string[]): readonly string[] {
    return this.wheels(...names).map(({ filename }) => filename)
  }
}

/** `a` is a==1.0 on CP311, `a@cp39` on CP39, `a==2.0@cp39` that version. */
export function job(name: string): JobId {
  const [, project = '', version = '1.0', python = 'cp311'] =
    /^([^=@]+)(?:==([^@]+))?(?:@(.+))?$/.exec(name) ?? []
  return jobId(normalizeName(project), version, `${python}-linux_x86_64-glibc2.36` as TargetId)
}

function short(id: JobId): string {
  const { project, version, target } = parseJobId(id)
  const python = target.split('-')[0]!
  return `${project}${version === '1.0' ? '' : `==${version}`}${python === 'cp311' ? '' : `@${python}`}`
}
