import { beforeEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import { publishedWheels } from '../../src/ledger/catalogue.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aResult, aWant } from '../support/make-record.ts'
import { aMesh, cp311, cp313, cp39, demo, everybody, failure, outcome, page } from './board-mesh.ts'

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
    expect([...mesh.board.openJobs(cp39, { isServed: everybody })]).toHaveLength(1)
    expect([...mesh.board.openJobs(cp311, { isServed: everybody })]).toEqual([])
  })

  test('passes on while everybody who serves it is away', () => {
    const withoutCp39 = (target: TargetId): boolean => target !== cp39
    expect([...mesh.board.openJobs(cp311, { isServed: withoutCp39 })]).toEqual([jobId(demo, '1.0', cp311)])
    expect([...mesh.board.openJobs(cp313, { isServed: withoutCp39 })]).toEqual([])
  })

  test('comes again after a pause that grows with each transient failure', async () => {
    mesh.feed(failure(cp39, 'transient'))
    expect([...mesh.board.openJobs(cp39, { isServed: everybody })]).toEqual([])
    await mesh.clock.advance(60_000)
    expect([...mesh.board.openJobs(cp39, { isServed: everybody })]).toHaveLength(1)
    mesh.feed(failure(cp39, 'transient', 2))
    await mesh.clock.advance(60_000)
    expect([...mesh.board.openJobs(cp39, { isServed: everybody })]).toEqual([])
    await mesh.clock.advance(60_000)
    expect([...mesh.board.openJobs(cp39, { isServed: everybody })]).toHaveLength(1)
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

  test('what a builder built that was sent away is built again', () => {
    const second = signerOf('second')
    mesh.feedBy(second, outcome(cp39))
    expect(mesh.states()).toMatchObject({ 'demo==1.0 cp39': 'built', 'demo==1.0 cp313': 'built' })
    mesh.feed({ kind: 'revoke', subject: second.nodeId, reason: 'built nonsense' })
    expect(mesh.states()).toMatchObject({ 'demo==1.0 cp39': 'open', 'demo==1.0 cp313': 'waiting' })
  })

  test('what a node built stays when it leaves', () => {
    mesh.feed(aWant({ targets: [cp39] }), outcome(cp39))
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
  expect([...one.board.openJobs(cp311, { isServed: everybody })].map((job) => job.split('=')[0])).toEqual([
    'cc',
    'bb',
    'aa'
  ])
})
