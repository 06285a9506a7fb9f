import { expect, test } from 'vitest'
import { TestMesh } from './mesh.ts'

/** Hops of 5 to 65 ms, a look every 250 ms, builds of 18 s on average: what a builder may wait between two jobs. */
test.for([
  { seed: 1, nodes: 20, slots: 1 },
  { seed: 2, nodes: 20, slots: 4 },
  { seed: 3, nodes: 60, slots: 1 }
])('$nodes nodes with $slots slots each stand idle less than 2 % of the time', async (mesh) => {
  const busy = new TestMesh({ ...mesh, jobs: 2_500, buildMs: 18_000, publishMs: 400 })
  await busy.run(40_000)
  expect(await busy.idleShare(180_000)).toBeLessThan(0.02)
})

test('also when the coordinator is killed, all but the time without one is worked', async () => {
  const mesh = new TestMesh({ seed: 4, nodes: 10, jobs: 1_000, buildMs: 60_000 })
  await mesh.run(90_000)
  mesh.kill(mesh.holder()!)
  // One of ten nodes is gone for good; the others work off what they have while the next one is elected.
  expect(await mesh.idleShare(300_000)).toBeLessThan(0.05)
})

test('a slot asks for its next job before the result of the last one is stored', async () => {
  const mesh = new TestMesh({ seed: 5, nodes: 3, jobs: 60, buildMs: 10_000, publishMs: 8_000 })
  expect(await mesh.run(60_000, () => mesh.nodes.every(({ desk }) => desk.running().length === 2))).toBe(true)
  expect(mesh.nodes[0]?.desk.running().map(({ phase }) => phase)).toEqual(['store', 'fetch'])
  expect(await mesh.run(600_000, () => mesh.builds.size === 60)).toBe(true)
  expect([...mesh.builds.values()].filter(({ length }) => length > 1)).toEqual([])
})

test('a mesh with nothing to do says little: beats, presence, and no request', async () => {
  const mesh = new TestMesh({ seed: 6, nodes: 10, jobs: 10, buildMs: 1_000 })
  await mesh.run(60_000)
  const before = mesh.said.get('request')
  await mesh.run(60_000)
  expect(mesh.said.get('request')).toBe(before)
})
