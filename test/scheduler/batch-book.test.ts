import { beforeEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import { BATCH_QUIET_MS, MAX_TRANSIENT_ATTEMPTS } from '../../src/core/limits.ts'
import { BoardKit, job, OTHER, WANTED_MS } from './board-kit.ts'

let mesh = new BoardKit()

const started = async (...names: readonly string[]): Promise<string> => mesh.startBatch(...names)
const standing = (want: string): unknown => mesh.standing(want)

beforeEach(() => {
  mesh = new BoardKit()
})

describe('gathering', () => {
  test('nothing is offered before it was quiet for a while', async () => {
    mesh.observe('a')
    const want = mesh.want(['a'])
    expect(standing(want)).toEqual({ round: 1, state: 'gathering', failing: '' })
    await mesh.clock.advance(BATCH_QUIET_MS - 1)
    expect(mesh.offered()).toEqual([])
    await mesh.clock.advance(1)
    expect(mesh.offered()).toEqual(['a'])
    expect(standing(want)).toEqual({ round: 1, state: 'building', failing: '' })
  })

  test('a want that joins begins the quiet time anew for all of them', async () => {
    mesh.observe('a')
    mesh.observe('b')
    const first = mesh.want(['a'])
    await mesh.clock.advance(BATCH_QUIET_MS - 1)
    const second = mesh.want(['b'], { createdMs: WANTED_MS + BATCH_QUIET_MS - 1 })
    expect(mesh.board.batches.standing(second)).toEqual(mesh.board.batches.standing(first))
    await mesh.clock.advance(BATCH_QUIET_MS - 1)
    expect(mesh.offered()).toEqual([])
    await mesh.clock.advance(1)
    expect(mesh.offered()).toEqual(['a', 'b'])
  })

  test('a page that is not here yet does not hold the others up', async () => {
    mesh.observe('a')
    mesh.observe('b', undefined, true)
    mesh.want(['a'])
    mesh.want(['b'])
    await mesh.clock.advance(BATCH_QUIET_MS)
    expect(mesh.offered()).toEqual(['a'])
    mesh.loadPages(mesh)
    expect(mesh.offered()).toEqual(['a', 'b'])
  })

  test('what an ordinary want asks for, too, need not wait', () => {
    mesh.observe('a')
    mesh.observe('b')
    mesh.want(['a', 'b'])
    mesh.want(['b'], { batch: false })
    expect(mesh.offered()).toEqual(['b'])
  })

  test('nor does a want without targets: it is an ordinary one', () => {
    mesh.observe('a')
    const want = mesh.want(['a'], { targets: [] })
    expect(mesh.offered()).toEqual(['a'])
    expect(mesh.board.batches.standing(want)).toBeUndefined()
  })
})

describe('rounds', () => {
  test('A needs B, both new: the second time A succeeds', async () => {
    const want = await started('a', 'b')
    mesh.fail('a')
    expect(standing(want)).toEqual({ round: 1, state: 'building', failing: 'a' })
    expect(mesh.offered()).toEqual(['b'])
    mesh.succeed('b')
    expect(standing(want)).toEqual({ round: 2, state: 'building', failing: 'a' })
    expect(mesh.offered()).toEqual(['a'])
    expect(mesh.board.batches.passOf(job('a'))).toBe(2)
    mesh.succeed('a')
    expect(standing(want)).toEqual({ round: 2, state: 'done', failing: '' })
    expect(mesh.states()).toEqual({ a: 'built', b: 'built' })
  })

  test('a permanent failure stops after two equal rounds, and stays as it is', async () => {
    const want = await started('a', 'b', 'c')
    mesh.succeed('b')
    mesh.fail('a', 'c')
    expect(mesh.offered()).toEqual(['a', 'c'])
    mesh.fail('c')
    expect(mesh.offered()).toEqual(['a'])
    mesh.fail('a')
    expect(standing(want)).toEqual({ round: 2, state: 'stopped', failing: 'a c' })
    expect(mesh.offered()).toEqual([])
    expect(mesh.states()).toEqual({ a: 'failed', b: 'built', c: 'failed' })
  })

  test('as long as the set gets smaller it goes on: a chain of three', async () => {
    const want = await started('a', 'b', 'c', 'd')
    mesh.fail('a', 'b', 'd')
    mesh.succeed('c')
    mesh.fail('a', 'd')
    mesh.succeed('b')
    expect(standing(want)).toEqual({ round: 3, state: 'building', failing: 'a d' })
    mesh.succeed('a')
    mesh.fail('d')
    expect(standing(want)).toEqual({ round: 4, state: 'building', failing: 'd' })
    mesh.fail('d')
    expect(standing(want)).toEqual({ round: 4, state: 'stopped', failing: 'd' })
  })

  test.for(['package', 'missing-dependency', 'resource'] as const)(
    'a failure of class %s is built again',
    async (kind) => {
      await started('a', 'b')
      mesh.feed(mesh.failure(job('a'), kind))
      mesh.succeed('b')
      expect(mesh.offered()).toEqual(['a'])
    }
  )

  test('the network’s failures are tried again within the round, after a pause; too many of them are a failure', async () => {
    const want = await started('a', 'b')
    mesh.succeed('b')
    for (let tries = 1; tries < MAX_TRANSIENT_ATTEMPTS; tries++) {
      mesh.feed(mesh.failure(job('a'), 'transient'))
      expect(mesh.offered()).toEqual([])
      await mesh.clock.advance(60 * 60_000)
      expect(mesh.offered()).toEqual(['a'])
      expect(standing(want)).toEqual({ round: 1, state: 'building', failing: '' })
    }
    mesh.feed(mesh.failure(job('a'), 'transient'))
    expect(standing(want)).toEqual({ round: 2, state: 'building', failing: 'a' })
    expect(mesh.offered()).toEqual(['a'])
  })

  test('a machine’s own trouble is no failure of the round', async () => {
    const want = await started('a')
    for (let tries = 0; tries < 20; tries++) mesh.feed(mesh.failure(job('a'), 'infra'))
    expect(standing(want)).toEqual({ round: 1, state: 'building', failing: '' })
  })

  test('two halves of a cut mesh built one job: it was built once in that round', async () => {
    const want = await started('a', 'b')
    const twice = mesh.failure(job('a'))
    mesh.feed(twice)
    mesh.feedFrom(OTHER, { ...twice, fence: { ...twice.fence, epoch: 1 } })
    mesh.succeed('b')
    expect(standing(want)).toEqual({ round: 2, state: 'building', failing: 'a' })
    expect(mesh.offered()).toEqual(['a'])
  })

  test('a wheel of the first round that comes late ends it all the same', async () => {
    const want = await started('a', 'b')
    const late = mesh.result(job('a'))
    mesh.fail('a')
    mesh.succeed('b')
    mesh.feedFrom(OTHER, late)
    expect(mesh.states()).toEqual({ a: 'built', b: 'built' })
    expect(standing(want)).toEqual({ round: 2, state: 'done', failing: '' })
  })

  test('a builder that counts wrongly cannot hold it up', async () => {
    const want = await started('a')
    mesh.feed(mesh.failure(job('a'), 'package', { pass: 99 }))
    expect(mesh.offered()).toEqual(['a'])
    mesh.fail('a')
    expect(standing(want)).toEqual({ round: 2, state: 'stopped', failing: 'a' })
  })

  test('a retracted wheel is not built again, and takes no batch back', async () => {
    const want = await started('a', 'b')
    mesh.fail('b')
    mesh.succeed('a', 'b')
    expect(standing(want)).toEqual({ round: 2, state: 'done', failing: '' })
    mesh.feed({ kind: 'retract', file: sha256Hex(`wheel ${job('a')}`), reason: 'bad' })
    expect(mesh.states()).toEqual({ a: 'failed', b: 'built' })
    expect(mesh.offered()).toEqual([])
    expect(standing(want)).toEqual({ round: 2, state: 'done', failing: '' })
  })

  test('skipped meanwhile, or unwanted: the others go on without it', async () => {
    const want = await started('a', 'b', 'c')
    mesh.fail('a', 'b')
    mesh.feed({ kind: 'skip', project: normalizeName('c'), version: '', reason: 'no', createdMs: 1 })
    expect(mesh.offered()).toEqual(['a', 'b'])
    mesh.feed({ kind: 'unwant', projects: [normalizeName('b')], createdMs: WANTED_MS + 1 })
    mesh.succeed('a')
    expect(standing(want)).toEqual({ round: 2, state: 'done', failing: '' })
  })

  test('what upstream does not have, or a project without a page, is nothing to build', async () => {
    mesh.observe('a')
    mesh.feed({ kind: 'observed', project: normalizeName('gone'), serial: 0, pageSize: 0, observedMs: 1 })
    const want = mesh.want(['a', 'gone', 'a==9'])
    await mesh.clock.advance(BATCH_QUIET_MS)
    mesh.succeed('a')
    expect(standing(want)).toEqual({ round: 1, state: 'done', failing: '' })
  })

  test('a project whose page nobody has seen yet: not over', async () => {
    mesh.observe('a')
    const want = mesh.want(['a', 'b'])
    await mesh.clock.advance(BATCH_QUIET_MS)
    mesh.fail('a')
    expect(standing(want)).toEqual({ round: 1, state: 'building', failing: 'a' })
    expect(mesh.offered()).toEqual([])
    mesh.observe('b')
    mesh.succeed('b')
    expect(mesh.offered()).toEqual(['a'])
  })
})
