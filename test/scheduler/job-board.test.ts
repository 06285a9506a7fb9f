import { beforeEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { Sha256, TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import type { Entry, MeshRecord, ResultRecord } from '../../src/core/record.ts'
import { createMeshState } from '../../src/ledger/mesh-state.ts'
import { createPageBook } from '../../src/ledger/page-book.ts'
import { publishedWheels } from '../../src/ledger/catalogue.ts'
import { JobBoard } from '../../src/scheduler/job-board.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aGenesis, aResult, aWant } from '../support/make-record.ts'
import { FakeClock } from '../support/test-ports.ts'

const demo = normalizeName('demo')
const [cp39, cp311, cp313] = ['cp39', 'cp311', 'cp313'].map(
  (python) => `${python}-linux_x86_64-glibc2.36`
) as [TargetId, TargetId, TargetId]
const everybody = (): boolean => true
const sdist = {
  filename: 'demo-1.0.tar.gz',
  url: 'http://127.0.0.1/demo-1.0.tar.gz',
  hashes: { sha256: sha256Hex('sdist') }
}
const page = JSON.stringify({
  meta: { 'api-version': '1.1' },
  name: 'demo',
  files: [sdist, { ...sdist, filename: 'demo-0.9.tar.gz' }, { ...sdist, filename: 'demo-2.0rc1.tar.gz' }]
})

/** A mesh of one root, fed with records by hand. */
function aMesh(targets: readonly TargetId[] = [cp39, cp311, cp313]) {
  const sealed = sealGenesis(aGenesis())
  const root = signerOf('root')
  const state = createMeshState(sealed.genesis, createEntryCodec(sealed.meshId, root, createVerifier()))
  const clock = new FakeClock()
  const pages = createPageBook(state.observations)
  const needed: string[] = []
  const board = new JobBoard({ state, pages, clock, needPage: (project) => void needed.push(project) })
  let seq = 0
  const feed = (...records: readonly MeshRecord[]): void => {
    seq++
    const hash = sha256Hex(`entry ${seq}`)
    const entry: Entry = {
      meshId: sealed.meshId,
      node: root.nodeId,
      incarnation: '0'.repeat(16),
      seq,
      prev: '',
      records,
      hash
    }
    for (const project of state.apply(entry).projects) board.refresh(project)
  }
  const observe = (body = page): void => {
    const digest: Sha256 = sha256Hex(body)
    pages.put(demo, digest, new TextEncoder().encode(body))
    feed({ kind: 'observed', project: demo, serial: 0, page: digest, pageSize: body.length, observedMs: seq })
  }
  feed({
    kind: 'node',
    saidMs: 1,
    label: 'root',
    contact: '',
    roles: ['build'],
    targets,
    hardware: { arch: 'x64', cores: 1, memoryBytes: 1, model: '' },
    software: 't',
    addresses: []
  })
  const states = (): Record<string, string> =>
    Object.fromEntries(
      board
        .rowsOf(demo)
        .map(({ project, version, target, state: { kind } }) => [
          `${project}==${version} ${target.replace(/-.*/, '')}`,
          kind
        ])
    )
  return { state, board, pages, clock, needed, feed, observe, states, root }
}

const outcome = (target: TargetId, over: Partial<ResultRecord> = {}): ResultRecord =>
  aResult({ job: jobId(demo, '1.0', target), ...over })
const failure = (target: TargetId, kind: 'package' | 'transient', term = 1): ResultRecord => {
  const { wheel, ...rest } = outcome(target)
  expect(wheel).toBeDefined()
  return { ...rest, fence: { ...rest.fence, term }, failure: { class: kind, cause: 'x', reason: 'y' } }
}

let mesh = aMesh()
beforeEach(() => {
  mesh = aMesh()
})

describe('from a want to open jobs', () => {
  test('nothing wanted, nothing to do; wanted, but its page not here: it is asked for', () => {
    mesh.feed(aWant())
    expect(mesh.states()).toEqual({})
    mesh.observe()
    expect(mesh.states()).toEqual({
      'demo==1.0 cp39': 'open',
      'demo==1.0 cp311': 'waiting',
      'demo==1.0 cp313': 'waiting'
    })
  })

  test('a page that only its digest is known of is needed before anything is decided', () => {
    mesh.feed(aWant(), {
      kind: 'observed',
      project: demo,
      serial: 0,
      page: sha256Hex('elsewhere'),
      pageSize: 1,
      observedMs: 9
    })
    expect(mesh.needed).toEqual(['demo'])
  })

  test('the newest release that is no candidate, unless a specifier says otherwise', () => {
    mesh.feed(aWant({ specs: [{ project: demo, specifier: '==0.9' }], targets: [cp311] }))
    mesh.observe()
    expect(mesh.states()).toEqual({ 'demo==0.9 cp311': 'open' })
  })

  test('unwanted again: its jobs are gone', () => {
    mesh.feed(aWant())
    mesh.observe()
    mesh.feed({ kind: 'unwant', projects: [demo], createdMs: 1_800_000_000_000 })
    expect(mesh.states()).toEqual({})
  })
})

describe('the turn', () => {
  beforeEach(() => {
    mesh.feed(aWant())
    mesh.observe()
  })

  test('is the lowest target’s while somebody serves it', () => {
    expect([...mesh.board.openJobs(cp39, everybody)]).toHaveLength(1)
    expect([...mesh.board.openJobs(cp311, everybody)]).toEqual([])
  })

  test('passes on while everybody who serves it is away', () => {
    const withoutCp39 = (target: TargetId): boolean => target !== cp39
    expect([...mesh.board.openJobs(cp311, withoutCp39)]).toEqual([jobId(demo, '1.0', cp311)])
    expect([...mesh.board.openJobs(cp313, withoutCp39)]).toEqual([])
  })

  test('comes again after a pause that grows with each transient failure', async () => {
    mesh.feed(failure(cp39, 'transient'))
    expect([...mesh.board.openJobs(cp39, everybody)]).toEqual([])
    await mesh.clock.advance(60_000)
    expect([...mesh.board.openJobs(cp39, everybody)]).toHaveLength(1)
    mesh.feed(failure(cp39, 'transient', 2))
    await mesh.clock.advance(60_000)
    expect([...mesh.board.openJobs(cp39, everybody)]).toEqual([])
    await mesh.clock.advance(60_000)
    expect([...mesh.board.openJobs(cp39, everybody)]).toHaveLength(1)
  })

  test('whichever of two results came in first: the later fence decides', () => {
    const other = aMesh()
    other.feed(aWant())
    other.observe()
    const [early, late] = [failure(cp39, 'transient', 1), failure(cp39, 'package', 2)]
    mesh.feed(early, late)
    other.feed(late)
    other.feed(early)
    expect(mesh.states()['demo==1.0 cp39']).toBe('failed')
    expect(other.states()).toEqual(mesh.states())
  })

  test('a result built from other bytes than upstream’s is none', () => {
    mesh.feed(outcome(cp39, { sdist: { filename: 'demo-1.0.tar.gz', sha256: sha256Hex('forged') } }))
    expect(mesh.states()['demo==1.0 cp39']).toBe('open')
  })

  test('a retracted wheel is not built again, and no longer published', () => {
    mesh.feed(outcome(cp39))
    expect(publishedWheels(mesh.state, demo, mesh.pages.releases(demo)!.releases)).toHaveLength(1)
    mesh.feed({ kind: 'retract', file: aResult().wheel!.sha256, reason: 'bad' })
    expect(mesh.states()['demo==1.0 cp39']).toBe('failed')
    expect(publishedWheels(mesh.state, demo, mesh.pages.releases(demo)!.releases)).toEqual([])
  })

  test('what a node built stays when it leaves', () => {
    mesh.feed(outcome(cp39))
    mesh.feed({ kind: 'revoke', subject: mesh.root.nodeId, reason: 'moving house' })
    expect(mesh.state.membership.isMember(mesh.root.nodeId)).toBe(false)
    expect(mesh.states()['demo==1.0 cp39']).toBe('built')
    expect(publishedWheels(mesh.state, demo, mesh.pages.releases(demo)!.releases)).toHaveLength(1)
  })
})

test('order: a request before the backlog, then the oldest want', () => {
  const [a, b, c] = ['aa', 'bb', 'cc'].map(normalizeName)
  const one = aMesh([cp311])
  for (const [project, priority, createdMs] of [
    [a!, 'backlog', 1],
    [b!, 'request', 3],
    [c!, 'request', 2]
  ] as const) {
    const body = page.replaceAll('demo', project)
    one.pages.put(project, sha256Hex(body), new TextEncoder().encode(body))
    one.feed(
      { kind: 'observed', project, serial: 0, page: sha256Hex(body), pageSize: 1, observedMs: 1 },
      aWant({ specs: [{ project, specifier: '' }], priority, createdMs })
    )
  }
  expect([...one.board.openJobs(cp311, everybody)].map((job) => job.split('=')[0])).toEqual([
    'cc',
    'bb',
    'aa'
  ])
})
