import { beforeEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import { BATCH_QUIET_MS } from '../../src/core/limits.ts'
import { aBuilderOf, BoardKit, CP39, job, OTHER, WANTED_MS } from './board-kit.ts'

let mesh = new BoardKit()

/** A batch whose quiet time is over, of projects with one release each. */
async function started(...names: readonly string[]): Promise<string> {
  for (const name of names) mesh.observe(name)
  const want = mesh.want(names)
  await mesh.clock.advance(BATCH_QUIET_MS)
  return want
}

beforeEach(() => {
  mesh = new BoardKit()
})

describe('publishing', () => {
  test('each wheel at once, by default', async () => {
    await started('a', 'b')
    mesh.succeed('a')
    expect(mesh.listed('a', 'b')).toHaveLength(1)
  })

  async function startedAtomic(...names: readonly string[]): Promise<string> {
    for (const name of names) mesh.observe(name)
    const want = mesh.want(names, { atomic: true })
    await mesh.clock.advance(BATCH_QUIET_MS)
    return want
  }

  test('atomic: nothing while it runs, all together when it is done', async () => {
    await startedAtomic('a', 'b')
    mesh.succeed('b')
    mesh.fail('a')
    expect(mesh.listed('a', 'b')).toEqual([])
    mesh.succeed('a')
    expect(mesh.listed('a', 'b')).toHaveLength(2)
  })

  test('a wheel with other tags waits as long as the one that was built', async () => {
    await startedAtomic('a', 'b')
    mesh.succeed('a')
    mesh.feed({ ...mesh.result(job('a@cp39')), builtAs: job('a') })
    expect(mesh.listed('a', 'b')).toEqual([])
    mesh.succeed('b')
    expect(mesh.listed('a', 'b')).toHaveLength(3)
  })

  test('or when it has stopped', async () => {
    await startedAtomic('a', 'b')
    mesh.succeed('b')
    mesh.fail('a')
    expect(mesh.listed('a', 'b')).toEqual([])
    mesh.fail('a')
    expect(mesh.listed('a', 'b')).toEqual(['b-1.0-cp311-cp311-linux_x86_64.whl'])
  })

  test('what an ordinary want, or a batch that is not atomic, asks for, too, is listed as usual', async () => {
    await startedAtomic('a', 'b', 'c', 'd')
    mesh.want(['b'], { batch: false })
    mesh.want(['c'], { createdMs: WANTED_MS + 60_000 })
    mesh.succeed('a', 'b', 'c')
    expect(mesh.listed('a', 'b', 'c').map((name) => name[0])).toEqual(['b', 'c'])
  })

  test('what was out before stays', async () => {
    mesh.observe('b')
    mesh.want(['b'], { batch: false, createdMs: WANTED_MS - 9_000 })
    mesh.feed(mesh.result(job('b'), { startedMs: WANTED_MS - 8_000 }))
    mesh.feed({ kind: 'unwant', projects: [normalizeName('b')], createdMs: WANTED_MS - 1 })
    await startedAtomic('a', 'b')
    expect(mesh.listed('b')).toHaveLength(1)
  })

  test('a later retraction takes that wheel away, not the others', async () => {
    await startedAtomic('a', 'b')
    mesh.succeed('a', 'b')
    mesh.feed({ kind: 'retract', file: sha256Hex(`wheel ${job('a')}`), reason: 'bad' })
    expect(mesh.listed('a', 'b')).toEqual(['b-1.0-cp311-cp311-linux_x86_64.whl'])
  })

  test('two atomic batches that share a job: the first that ends lists it', async () => {
    await startedAtomic('a', 'b')
    for (const name of ['c']) mesh.observe(name)
    mesh.want(['b', 'c'], { atomic: true, createdMs: WANTED_MS + 60_000 })
    mesh.succeed('b')
    expect(mesh.listed('a', 'b', 'c')).toEqual([])
    mesh.succeed('a')
    expect(mesh.listed('a', 'b', 'c')).toHaveLength(2)
  })

  test('a new node with another Python changes nothing of it', async () => {
    await startedAtomic('a')
    mesh.succeed('a')
    mesh.feedFrom(OTHER, aBuilderOf([CP39]))
    expect(mesh.listed('a')).toHaveLength(1)
  })

  test('a build of an atomic batch may use what is not listed yet, others may not', async () => {
    await startedAtomic('a')
    mesh.observe('b')
    mesh.want(['b'], { batch: false })
    expect(['a', 'b'].map((name) => mesh.board.batches.usesStaged(job(name)))).toEqual([true, false])
  })
})
