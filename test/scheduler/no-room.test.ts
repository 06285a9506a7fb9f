import { expect, test } from 'vitest'
import { TestMesh } from './mesh.ts'

const FULL = 'node-00'

test('a builder that could not store what it builds asks for nothing, says why, and builds when there is room again', async () => {
  let isFull = true
  const mesh = new TestMesh({
    seed: 1,
    nodes: 3,
    jobs: 40,
    noRoom: (node) => (isFull && node === FULL ? 'its disk is full' : undefined)
  })
  const builders = (): readonly string[] => [...mesh.builds.values()].flat()
  const [full] = mesh.nodes
  expect(full?.id).toBe(FULL)
  await mesh.run(120_000)
  expect(full?.desk.trouble()).toBe('its disk is full')
  expect([full?.desk.freeSlots(), full?.desk.running()]).toEqual([0, []])
  expect(builders().length).toBeGreaterThan(0)
  expect(builders()).not.toContain(FULL)
  isFull = false
  expect(await mesh.run(3_600_000, () => mesh.builds.size === 40)).toBe(true)
  expect(full?.desk.trouble()).toBeUndefined()
  expect(builders()).toContain(FULL)
})
