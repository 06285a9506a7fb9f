import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { Sha256, TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { Signer } from '../../src/core/ports.ts'
import type { Entry, Failure, MeshRecord, NodeRecord, ResultRecord } from '../../src/core/record.ts'
import { createMeshState, type MeshState } from '../../src/ledger/mesh-state.ts'
import { createPageBook, type PageBook } from '../../src/ledger/page-book.ts'
import { JobBoard } from '../../src/scheduler/job-board.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aGenesis, aResult } from '../support/make-record.ts'
import { FakeClock } from '../support/test-ports.ts'
import { aBuilderOf } from './board-kit.ts'

export const demo = normalizeName('demo')
export const [cp39, cp311, cp313] = ['cp39', 'cp311', 'cp313'].map(
  (python) => `${python}-linux_x86_64-glibc2.36`
) as [TargetId, TargetId, TargetId]
export const everybody = (): boolean => true
const sdist = {
  filename: 'demo-1.0.tar.gz',
  url: 'http://127.0.0.1/demo-1.0.tar.gz',
  hashes: { sha256: sha256Hex('sdist') }
}
export const page = JSON.stringify({
  meta: { 'api-version': '1.1' },
  name: 'demo',
  files: [sdist, { ...sdist, filename: 'demo-0.9.tar.gz' }, { ...sdist, filename: 'demo-2.0rc1.tar.gz' }]
})

export interface BoardMesh {
  readonly state: MeshState
  readonly board: JobBoard
  readonly pages: PageBook
  readonly clock: FakeClock
  /** Projects whose page was asked for. */
  readonly needed: readonly string[]
  readonly root: Signer
  feed(...records: readonly MeshRecord[]): void
  /** By `signerOf('second')`, the other root, say. */
  feedBy(author: Signer, ...records: readonly MeshRecord[]): void
  /** The root says something new of itself. */
  say(more: Partial<NodeRecord>, builds?: readonly TargetId[]): void
  /** Upstream's page comes, and is known to be the newest. */
  observe(body?: string): void
  /** Of each release of `demo` on each Python. */
  states(): Record<string, string>
}

/** A mesh of one root, fed with records by hand. */
export function aMesh(targets: readonly TargetId[] = [cp39, cp311, cp313]): BoardMesh {
  const sealed = sealGenesis(aGenesis({ roots: [signerOf('root').nodeId, signerOf('second').nodeId] }))
  const root = signerOf('root')
  const state = createMeshState(sealed.genesis, createEntryCodec(sealed.meshId, root, createVerifier()))
  const clock = new FakeClock()
  const pages = createPageBook(state.observations)
  const needed: string[] = []
  const board = new JobBoard({ state, pages, clock, needPage: (project) => void needed.push(project) })
  let seq = 0
  const feedBy = (author: Signer, ...records: readonly MeshRecord[]): void => {
    seq++
    const hash = sha256Hex(`entry ${seq}`)
    const entry: Entry = {
      meshId: sealed.meshId,
      node: author.nodeId,
      incarnation: '0'.repeat(16),
      seq,
      prev: '',
      records,
      hash
    }
    board.apply(state.apply(entry))
  }
  const feed = (...records: readonly MeshRecord[]): void => {
    feedBy(root, ...records)
  }
  const observe = (body = page): void => {
    const digest: Sha256 = sha256Hex(body)
    pages.put(demo, digest, new TextEncoder().encode(body))
    feed({ kind: 'observed', project: demo, serial: 0, page: digest, pageSize: body.length, observedMs: seq })
  }
  const say = (more: Partial<NodeRecord>, builds = targets): void => {
    feed({ ...aBuilderOf(builds), saidMs: ++seq, ...more })
  }
  say({})
  const states = (): Record<string, string> =>
    Object.fromEntries(
      board
        .rowsOf(demo)
        .map(({ project, version, target, state: { kind } }) => [
          `${project}==${version} ${target.replace(/-.*/, '')}`,
          kind
        ])
    )
  return { state, board, pages, clock, needed, feed, feedBy, say, observe, states, root }
}

export const outcome = (target: TargetId, over: Partial<ResultRecord> = {}): ResultRecord =>
  aResult({ job: jobId(demo, '1.0', target), ...over })
/** A result without a wheel. */
export function failing(target: TargetId, why: Failure, over: Partial<ResultRecord> = {}): ResultRecord {
  const { sdist: source, fence, log, startedMs, durationMs, environment } = aResult()
  const job = jobId(demo, '1.0', target)
  const base = { kind: 'result', job, sdist: source, fence, log, startedMs, durationMs, environment } as const
  return { ...base, failure: why, ...over }
}

export const failure = (target: TargetId, kind: 'package' | 'transient', term = 1): ResultRecord =>
  failing(target, { class: kind, cause: 'x', reason: 'y' }, { fence: { ...aResult().fence, term } })
