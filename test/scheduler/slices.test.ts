import { describe, expect, test } from 'vitest'
import type { JobId, NodeId } from '../../src/core/ids.ts'
import { isShardId, shardOfJob, shardsOf, sliceCount, sliceOfShard } from '../../src/core/shard.ts'
import { TARGET, TestMesh, type MeshNode } from './mesh.ts'

const minute = 60_000
const twice = (mesh: TestMesh) => [...mesh.builds].filter(([, builders]) => builders.length > 1)

describe('the division of a target', () => {
  test('grows with its builders', () => {
    const counts = [0, 1, 124, 125, 249, 250, 499, 500, 999, 1_000, 100_000].map(sliceCount)
    expect(counts).toEqual([1, 1, 1, 2, 2, 4, 4, 8, 8, 16, 16])
  })

  test('is the target itself as long as it is whole', () => {
    expect(shardsOf(TARGET, 1)).toEqual([TARGET])
    expect(sliceOfShard(TARGET)).toEqual({ target: TARGET, index: 0, count: 1 })
    expect(shardsOf(TARGET, 4)[3]).toBe(`${TARGET}#3/4`)
    expect(shardsOf(TARGET, 16).every(isShardId)).toBe(true)
  })

  test('puts a release into the same slice of every target, and of about equally many', () => {
    const other = TARGET.replace('cp311', 'cp313')
    const sizes = new Map<string, number>()
    for (let n = 0; n < 4_000; n++) {
      const shard = shardOfJob(`p${n}==1.0@${TARGET}` as JobId, 16)
      sizes.set(shard, (sizes.get(shard) ?? 0) + 1)
      const there = shardOfJob(`p${n}==1.0@${other}` as JobId, 16)
      expect(there.slice(there.indexOf('#'))).toBe(shard.slice(shard.indexOf('#')))
    }
    expect(sizes.size).toBe(16)
    expect(Math.min(...sizes.values())).toBeGreaterThan(180)
    expect(Math.max(...sizes.values())).toBeLessThan(320)
  })

  test.for([
    '#0/2',
    '#2/2',
    '#0/1',
    '#0/3',
    '#0/32',
    '#01/2',
    '#-1/2',
    '#0/2#0/2',
    '#',
    '#0',
    '#/2',
    '#1e0/2'
  ])('has no slice %s of nothing or out of bounds', (slice) => {
    expect(isShardId(slice)).toBe(false)
    if (slice !== '#0/2') expect(isShardId(TARGET + slice)).toBe(false)
  })
})

/** Nodes see the division change one after the other within `withinMs`: the record of a new builder spreads. */
class DividedMesh {
  readonly #seen = new Map<NodeId, number>()
  readonly mesh: TestMesh

  constructor(seed: number, jobs = 400) {
    this.mesh = new TestMesh({
      seed,
      nodes: 8,
      jobs,
      buildMs: 12_000,
      loss: 0.02,
      sliceCount: (node) => this.#seen.get(node) ?? 1
    })
  }

  divide(count: number, withinMs: number): void {
    this.mesh.nodes.forEach((node, at) => {
      this.mesh.at((withinMs * at) / this.mesh.nodes.length, () => {
        this.#seen.set(node.id, count)
        node.coordination.membersChanged()
      })
    })
  }
}

const shardsAt = ({ coordination }: MeshNode): readonly string[] =>
  [...coordination.shards()].map(({ id }) => id).sort()

describe('a target that is divided while it is built', () => {
  test.for([1, 2, 3, 4, 5, 6])('seed %i: builds no job twice, and all of them', async (seed) => {
    const { mesh, ...divided } = withDivide(seed)
    await mesh.run(minute)
    divided.divide(2, 10_000)
    await mesh.run(2 * minute)
    divided.divide(4, 20_000)
    await mesh.run(2 * minute)
    divided.divide(1, 10_000)
    expect(await mesh.run(60 * minute, () => mesh.builds.size === mesh.options.jobs)).toBe(true)
    expect(twice(mesh)).toEqual([])
  })

  test('a coordinator that dies in the middle of it costs no job', async () => {
    const { mesh, divide } = withDivide(11)
    await mesh.run(minute)
    divide(2, 10_000)
    await mesh.run(5_000)
    mesh.kill(mesh.nodes.find(({ coordination, id }) => coordination.holder(TARGET) === id) ?? mesh.nodes[0]!)
    expect(await mesh.run(60 * minute, () => mesh.builds.size === mesh.options.jobs)).toBe(true)
    expect(twice(mesh)).toEqual([])
  })

  test('nobody grants by two divisions at once', async () => {
    const { mesh, divide } = withDivide(12)
    await mesh.run(minute)
    divide(2, 15_000)
    for (let ms = 0; ms < 3 * minute; ms += 250) {
      await mesh.run(250)
      const whole = mesh.holders(TARGET).length
      const halves = shardsOf(TARGET, 2).map((shard) => mesh.holders(shard).length)
      expect(Math.max(...halves, whole)).toBeLessThanOrEqual(1)
      expect(whole === 0 || Math.max(...halves) === 0).toBe(true)
    }
    expect(shardsOf(TARGET, 2).map((shard) => mesh.holders(shard).length)).toEqual([1, 1])
  })

  test('leaves no shard of an old division behind', async () => {
    const { mesh, divide } = withDivide(13, 0)
    await mesh.run(minute)
    for (const count of [16, 2, 8, 1, 4]) {
      divide(count, 1_000)
      await mesh.run(40_000)
    }
    for (const node of mesh.nodes) expect(shardsAt(node)).toEqual([...shardsOf(TARGET, 4), 'upstream'].sort())
  })

  test('its slices are spread over the nodes', async () => {
    const { mesh, divide } = withDivide(14, 0)
    divide(8, 0)
    await mesh.run(2 * minute)
    const holders = new Set(shardsOf(TARGET, 8).map((shard) => mesh.holders(shard)[0]?.id))
    expect(holders.size).toBeGreaterThanOrEqual(4)
  })
})

function withDivide(seed: number, jobs?: number): { mesh: TestMesh; divide: DividedMesh['divide'] } {
  const divided = new DividedMesh(seed, jobs)
  return { mesh: divided.mesh, divide: divided.divide.bind(divided) }
}
