import { beforeEach, describe, expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import { BATCH_QUIET_MS } from '../../src/core/limits.ts'
import { BoardKit, CP311, CP39, job, WANTED_MS } from './board-kit.ts'

let mesh = new BoardKit()

const started = async (...names: readonly string[]): Promise<string> => mesh.startBatch(...names)
const standing = (want: string): unknown => mesh.standing(want)

beforeEach(() => {
  mesh = new BoardKit()
})

describe('several targets', () => {
  beforeEach(() => {
    mesh = new BoardKit([CP39, CP311])
  })

  test('the cascade goes on within a round: each target has rounds of its own', async () => {
    mesh.observe('a')
    const want = mesh.want(['a'], { targets: [CP311, CP39] })
    await mesh.clock.advance(BATCH_QUIET_MS)
    expect([mesh.offered(CP39), mesh.offered(CP311)]).toEqual([['a@cp39'], []])
    mesh.fail('a@cp39')
    expect([mesh.offered(CP39), mesh.offered(CP311)]).toEqual([['a@cp39'], []])
    mesh.fail('a@cp39')
    expect([mesh.offered(CP39), mesh.offered(CP311)]).toEqual([[], ['a']])
    mesh.fail('a')
    mesh.fail('a')
    expect(standing(want)).toEqual({ round: 2, state: 'stopped', failing: 'a a' })
  })

  test('a target whose builders are away holds up nobody', async () => {
    for (const name of ['a', 'b']) mesh.observe(name)
    const want = mesh.want(['a', 'b'], { targets: [CP39, CP311] })
    await mesh.clock.advance(BATCH_QUIET_MS)
    const withoutCp39 = (target: string): boolean => target !== CP39
    expect(mesh.offered(CP311, withoutCp39)).toEqual(['a', 'b'])
    mesh.fail('a')
    mesh.succeed('b')
    expect(mesh.offered(CP311, withoutCp39)).toEqual(['a'])
    mesh.succeed('a')
    expect(standing(want)).toEqual({ round: 1, state: 'building', failing: '' })
  })

  test('a pure wheel of the lower target ends it on the higher one', async () => {
    for (const name of ['a', 'b']) mesh.observe(name)
    const want = mesh.want(['a', 'b'], { targets: [CP39, CP311] })
    const pure = mesh.result(job('b@cp39'))
    mesh.feed({ ...pure, wheel: { ...pure.wheel!, filename: 'b-1.0-py3-none-any.whl' } })
    mesh.fail('a@cp39')
    mesh.succeed('a@cp39', 'a')
    expect(standing(want)).toEqual({ round: 2, state: 'done', failing: '' })
  })
})

describe('wants that overlap', () => {
  test('a later batch gives what failed its own two rounds', async () => {
    const first = await started('a')
    mesh.fail('a')
    mesh.fail('a')
    expect(standing(first)).toEqual({ round: 2, state: 'stopped', failing: 'a' })
    mesh.observe('b')
    const second = mesh.want(['a', 'b'], { createdMs: WANTED_MS + 60_000 })
    await mesh.clock.advance(BATCH_QUIET_MS)
    expect(mesh.offered()).toEqual(['a', 'b'])
    mesh.fail('a')
    mesh.succeed('b')
    expect(mesh.offered()).toEqual(['a'])
    mesh.fail('a')
    expect(standing(second)).toEqual({ round: 2, state: 'stopped', failing: 'a' })
    expect(standing(first)).toEqual({ round: 2, state: 'stopped', failing: 'a' })
  })

  test('while the first still runs, the second waits for it where they overlap', async () => {
    const first = await started('a', 'b')
    const second = mesh.want(['a'], { createdMs: WANTED_MS + 60_000 })
    mesh.fail('a')
    expect(mesh.offered()).toEqual(['b'])
    expect(standing(second)).toMatchObject({ round: 1, failing: '' })
    mesh.succeed('b')
    mesh.succeed('a')
    expect([standing(first), standing(second)]).toMatchObject([{ state: 'done' }, { state: 'done' }])
  })

  test('a failure that an ordinary want left is the first round’s', async () => {
    mesh.observe('a')
    mesh.want(['a'], { batch: false })
    mesh.fail('a')
    expect(mesh.offered()).toEqual([])
    const want = mesh.want(['a'], { createdMs: WANTED_MS + 60_000 })
    expect(mesh.offered()).toEqual(['a'])
    mesh.fail('a')
    expect(standing(want)).toEqual({ round: 2, state: 'stopped', failing: 'a' })
  })
})

test('a want that brings two batches together, though nothing of it is wanted any more', async () => {
  for (const name of ['a', 'c']) mesh.observe(name)
  const first = mesh.want(['a'])
  const last = mesh.want(['c'], { createdMs: WANTED_MS + 8_000 })
  await mesh.clock.advance(BATCH_QUIET_MS)
  mesh.succeed('a')
  mesh.fail('c')
  expect(standing(first)).toMatchObject({ state: 'done' })
  mesh.feed({ kind: 'unwant', projects: [normalizeName('z')], createdMs: WANTED_MS + 60_000 })
  mesh.want(['z'], { createdMs: WANTED_MS + 4_000 })
  await mesh.clock.advance(BATCH_QUIET_MS)
  expect(standing(first)).toEqual({ round: 2, state: 'building', failing: 'c' })
  expect(mesh.board.batches.standing(last)).toEqual(mesh.board.batches.standing(first))
})

describe('a page that changes while the batch runs', () => {
  const at = (ms: number): string => new Date(ms).toISOString()
  const old = { version: '1.0', uploadTime: at(WANTED_MS - 1_000_000) }

  test('a release that upstream got later is not of this batch', async () => {
    mesh.observe('a', [old])
    mesh.observe('b')
    const want = mesh.want(['a', 'b'])
    await mesh.clock.advance(BATCH_QUIET_MS)
    mesh.fail('a')
    mesh.observe('a', [old, { version: '2.0', uploadTime: at(WANTED_MS + 3_600_000) }])
    mesh.succeed('b')
    expect(mesh.offered()).toEqual(['a'])
    mesh.succeed('a')
    expect(standing(want)).toEqual({ round: 2, state: 'done', failing: '' })
    expect(mesh.states()).toEqual({ a: 'built', b: 'built' })
  })

  test('unless it is asked for by its version', () => {
    mesh.observe('a', [old, { version: '2.0', uploadTime: at(WANTED_MS + 3_600_000) }])
    mesh.want(['a==2.0'])
    expect(mesh.states()).toEqual({ 'a==2.0': 'open' })
  })

  test('where upstream tells no times it joins, and the rounds begin anew with it', async () => {
    mesh.observe('a')
    mesh.observe('b')
    const want = mesh.want(['a', 'b'])
    await mesh.clock.advance(BATCH_QUIET_MS)
    mesh.fail('b')
    mesh.succeed('a')
    mesh.fail('b')
    expect(standing(want)).toMatchObject({ state: 'stopped' })
    mesh.observe('a', [{ version: '1.0' }, { version: '2.0' }])
    expect(standing(want)).toEqual({ round: 1, state: 'building', failing: 'b' })
    expect(mesh.offered()).toEqual(['a==2.0'])
    mesh.succeed('a==2.0')
    expect(standing(want)).toEqual({ round: 2, state: 'stopped', failing: 'b' })
  })

  test('an author whose clock is before all releases asks for the newest of them', () => {
    mesh.observe('a', [old])
    mesh.want(['a'], { createdMs: 1_000 })
    expect(mesh.states()).toEqual({ a: 'open' })
  })
})
