import { describe, expect, test } from 'vitest'
import { TARGET, TestMesh } from './mesh.ts'

const minute = 60_000
const allBuilt = (mesh: TestMesh) => () => mesh.builds.size === mesh.options.jobs
const twice = (mesh: TestMesh) => [...mesh.builds].filter(([, builders]) => builders.length > 1)

describe('a connected mesh', () => {
  test('a node alone leads at once and builds everything', async () => {
    const mesh = new TestMesh({ seed: 1, nodes: 1, jobs: 5 })
    expect(await mesh.run(5 * minute, allBuilt(mesh))).toBe(true)
    expect(twice(mesh)).toEqual([])
  })

  test('three nodes share the work, and each job is built once', async () => {
    const mesh = new TestMesh({ seed: 2, nodes: 3, jobs: 30 })
    expect(await mesh.run(20 * minute, allBuilt(mesh))).toBe(true)
    expect(twice(mesh)).toEqual([])
    expect(new Set([...mesh.builds.values()].flat()).size).toBe(3)
  })

  test('the witnesses grow with the mesh', async () => {
    const mesh = new TestMesh({ seed: 3, nodes: 10, jobs: 0 })
    await mesh.run(minute)
    expect(mesh.holder()?.coordination.shard('upstream')?.view().witnesses.length).toBe(5)
  })
})

describe('whatever dies', () => {
  test('builders hear of a coordinator that took office anew, though it is the same node', async () => {
    const mesh = new TestMesh({ seed: 10, nodes: 2, jobs: 0 })
    await mesh.run(40_000)
    const holder = mesh.holder()!
    const { coordination, desk } = mesh.nodes.find((node) => node !== holder)!
    const { fence, view } = (({ coordination: c }) => ({
      fence: c.highestFence(TARGET)!,
      view: c.shard(TARGET)!.view()
    }))(holder)
    const told: string[] = []
    const receiver = Object.assign(Object.create(desk) as typeof desk, {
      onNewHolder: (shard: string) => told.push(shard)
    })
    coordination.attach(receiver, desk)
    const beat = (term: number) =>
      coordination.receive(
        holder.id,
        { kind: 'beat', shard: TARGET, fence: { ...fence, term }, witnesses: view.witnesses, seq: 1 },
        true
      )
    beat(fence.term)
    expect(told).toEqual([])
    beat(fence.term + 1)
    beat(fence.term + 1)
    expect(told).toEqual([TARGET])
  })

  test.for([11, 12, 13, 14, 15])(
    'seed %i: the coordinator is killed; another takes over and nothing is built twice',
    async (seed) => {
      const mesh = new TestMesh({ seed, nodes: 5, jobs: 60, loss: 0.02 })
      await mesh.run(60_000)
      const first = mesh.holder()!
      mesh.kill(first)
      const killedMs = mesh.nowMs
      expect(await mesh.run(minute, () => mesh.holder() !== undefined && mesh.holder() !== first)).toBe(true)
      expect(mesh.nowMs - killedMs).toBeLessThan(25_000)
      expect(await mesh.run(60 * minute, allBuilt(mesh))).toBe(true)
      expect(twice(mesh)).toEqual([])
    }
  )

  test('a stopped coordinator hands over and is replaced without waiting for its lease to run out', async () => {
    const mesh = new TestMesh({ seed: 21, nodes: 3, jobs: 20 })
    await mesh.run(40_000)
    const first = mesh.holder()!
    await first.coordination.stop()
    mesh.kill(first)
    const stoppedMs = mesh.nowMs
    expect(await mesh.run(minute, () => mesh.holder() !== undefined)).toBe(true)
    expect(mesh.nowMs - stoppedMs).toBeLessThan(8_000)
  })

  test.for([31, 32, 33])(
    'seed %i: a coordinator paused for two leases grants nothing when it wakes',
    async (seed) => {
      const mesh = new TestMesh({ seed, nodes: 5, jobs: 60 })
      await mesh.run(40_000)
      const first = mesh.holder()!
      first.pausedUntilMs = mesh.nowMs + 25_000
      for (let i = 0; i < 400; i++) {
        await mesh.run(500)
        expect(mesh.holders().length).toBeLessThanOrEqual(1)
      }
      expect(await mesh.run(60 * minute, allBuilt(mesh))).toBe(true)
      expect(twice(mesh)).toEqual([])
    }
  )

  test.for([41, 42, 43])(
    'seed %i: a builder killed and started again: its job is built again, once',
    async (seed) => {
      const mesh = new TestMesh({ seed, nodes: 3, jobs: 12 })
      await mesh.run(30_000)
      const victim = mesh.nodes.find((node) => node.desk.running().length > 0)!
      mesh.kill(victim)
      await mesh.run(5_000)
      mesh.boot(victim)
      expect(await mesh.run(60 * minute, allBuilt(mesh))).toBe(true)
      expect(twice(mesh)).toEqual([])
    }
  )

  test('a mesh whose only founder died goes on with a new view', async () => {
    const mesh = new TestMesh({ seed: 51, nodes: 2, jobs: 10 })
    await mesh.run(20_000)
    mesh.kill(mesh.nodes[0]!)
    expect(await mesh.run(10 * minute, allBuilt(mesh))).toBe(true)
    expect(mesh.holder()).toBe(mesh.nodes[1])
  })
})

describe('a cut mesh', () => {
  test.for([61, 62, 63])(
    'seed %i: both halves go on, no job is built more than twice, and one leads after healing',
    async (seed) => {
      const mesh = new TestMesh({ seed, nodes: 6, jobs: 120 })
      await mesh.run(40_000)
      mesh.cut(mesh.nodes.slice(0, 3))
      await mesh.run(4 * minute)
      expect(mesh.holders().length).toBe(2)
      mesh.cut([])
      await mesh.run(minute)
      expect(mesh.holders().length).toBe(1)
      expect(await mesh.run(120 * minute, allBuilt(mesh))).toBe(true)
      expect(Math.max(...[...mesh.builds.values()].map((builders) => builders.length))).toBeLessThanOrEqual(2)
    }
  )
})
