import { expect, test } from 'vitest'
import { TARGET, TestMesh } from './mesh.ts'

const twice = (mesh: TestMesh) => [...mesh.builds].filter(([, builders]) => builders.length > 1)

test.for([1, 2, 3, 4])(
  'seed %i: a network that loses 30 %% of all messages costs no claim of a long build',
  async (seed) => {
    const mesh = new TestMesh({ seed, nodes: 5, jobs: 25, buildMs: 30 * 60_000, loss: 0.3 })
    expect(await mesh.run(12 * 3_600_000, () => mesh.builds.size === 25)).toBe(true)
    expect(twice(mesh)).toEqual([])
  }
)

test('without losses progress is told every 30 s, and no more often', async () => {
  const mesh = new TestMesh({ seed: 5, nodes: 3, jobs: 3, buildMs: 20 * 60_000 })
  await mesh.run(60_000)
  const before = mesh.said.get('progress') ?? 0
  await mesh.run(300_000)
  // Three builders, each to holder and witnesses: three nodes, of which a builder that witnesses tells itself.
  const told = (mesh.said.get('progress') ?? 0) - before
  expect(told).toBeGreaterThan(0)
  expect(told).toBeLessThanOrEqual(3 * 3 * 10)
})

test('after a fail-over that nobody could tell of, the new coordinator takes running builds over', async () => {
  const mesh = new TestMesh({ seed: 6, nodes: 3, jobs: 2, buildMs: 600_000 })
  await mesh.run(40_000)
  // All forget at once what they noted and promised about claims, but the builds go on.
  const running = mesh.nodes.filter(({ desk }) => desk.running().length > 0)
  expect(running.length).toBe(2)
  for (const { coordination } of mesh.nodes)
    for (const { desk } of running)
      for (const { job } of desk.running()) coordination.shard(TARGET)?.claims.finish(job)
  await mesh.run(40_000)
  for (const { desk } of running)
    for (const { job } of desk.running()) expect(mesh.holder()?.coordination.claimOn(job)).toBeDefined()
  expect(await mesh.run(3_600_000, () => mesh.builds.size === 2)).toBe(true)
  expect(twice(mesh)).toEqual([])
})
