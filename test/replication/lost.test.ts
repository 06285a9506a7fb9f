import { afterEach, describe, expect, test, vi } from 'vitest'
import { LOST_AFTER_MS, LOST_TURN_MS } from '../../src/core/limits.ts'
import type { KeptBlob } from '../../src/replication/replica-ports.ts'
import { KeeperMesh, type KeeperNode } from './keeper-mesh.ts'

// Days of many nodes: seconds here, on a machine that has nothing else to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const MINUTE = 60_000
const HOUR = 60 * MINUTE

let mesh: KeeperMesh
afterEach(async () => {
  await mesh.stop()
})

/** A wheel that only its builder has: it went down before anybody made a copy. */
async function orphan(over: Partial<KeptBlob> = {}): Promise<{ blob: KeptBlob; builder: KeeperNode }> {
  const builder = mesh.node(0)
  await builder.stop()
  const blob = mesh.publish(builder, 2_000, over)
  return { blob, builder }
}

const kinds = (): readonly string[] => mesh.said.map(({ kind }) => kind)

describe('a wheel that nobody has any more', () => {
  test('is said to be lost once, by one node, after a day', async () => {
    mesh = new KeeperMesh(6)
    await mesh.start()
    const { blob } = await orphan()
    const sinceMs = mesh.clock.monotonicMs()
    await mesh.run(LOST_AFTER_MS - HOUR)
    expect(kinds()).toEqual([])
    await mesh.run(2 * LOST_TURN_MS + 2 * HOUR)
    expect(mesh.said).toMatchObject([{ kind: 'lost', file: blob.digest }])
    expect(mesh.said[0]!.atMs - sinceMs).toBeGreaterThanOrEqual(LOST_AFTER_MS)
    await mesh.run(3 * LOST_AFTER_MS)
    expect(kinds()).toEqual(['lost'])
  })

  test('is found when its holder comes back, also after months, and copied', async () => {
    mesh = new KeeperMesh(6)
    await mesh.start()
    const { blob, builder } = await orphan()
    await mesh.run(2 * LOST_AFTER_MS)
    await builder.start()
    await mesh.run(2 * MINUTE)
    expect(kinds()).toEqual(['lost', 'found'])
    expect(mesh.said[1]!.by).toBe(builder.id)
    await mesh.run(7 * HOUR)
    expect(mesh.holders(blob).length).toBeGreaterThanOrEqual(3)
  })

  test('is not found by bytes that rotted', async () => {
    mesh = new KeeperMesh(6)
    await mesh.start()
    const { blob, builder } = await orphan()
    await mesh.run(2 * LOST_AFTER_MS)
    builder.disk.blobs.get(blob.digest)![7]! ^= 1
    await builder.start()
    await mesh.run(HOUR)
    expect(kinds()).toEqual(['lost'])
  })

  test('is not lost when its holder comes back in time', async () => {
    mesh = new KeeperMesh(6)
    await mesh.start()
    const { blob, builder } = await orphan()
    await mesh.run(LOST_AFTER_MS - HOUR)
    await builder.start()
    await mesh.run(5 * MINUTE)
    expect(mesh.holders(blob).length).toBeGreaterThanOrEqual(3)
    await mesh.run(2 * LOST_AFTER_MS)
    expect(mesh.said).toEqual([])
  })

  test('is said by the next one when the one whose turn it is has died', async () => {
    mesh = new KeeperMesh(9)
    await mesh.start()
    await orphan()
    await mesh.run(LOST_AFTER_MS - HOUR)
    // Each of them in turn may have been the first: whoever is left says it.
    for (let n = 1; n < 4; n++) await mesh.node(n).stop()
    await mesh.run(LOST_AFTER_MS + 10 * LOST_TURN_MS)
    expect(kinds()).toContain('lost')
  })

  test('is left alone if it is a log: nothing is built again for that', async () => {
    mesh = new KeeperMesh(5)
    await mesh.start()
    await orphan({ kind: 'log' })
    await mesh.run(2 * LOST_AFTER_MS)
    expect(mesh.said).toEqual([])
    expect(mesh.all().some(({ isAlive, keeper }) => isAlive && keeper.status().unavailable === 1)).toBe(true)
  })
})

describe('a cut mesh', () => {
  function cut(few: readonly KeeperNode[], isCut: boolean): void {
    for (const node of mesh.all())
      for (const other of few) {
        if (few.includes(node)) continue
        if (isCut) node.cutFrom.add(other.id)
        else node.cutFrom.delete(other.id)
      }
  }

  test('the smaller part says nothing of what it cannot reach', async () => {
    mesh = new KeeperMesh(5)
    await mesh.start()
    for (let n = 0; n < 30; n++) mesh.publish(mesh.node(n % 5))
    await mesh.run(5 * MINUTE)
    const few = mesh.all().slice(0, 2)
    for (const node of few) {
      await node.stop()
      node.wipe()
      await node.start()
    }
    cut(few, true)
    await mesh.run(LOST_AFTER_MS + 3 * HOUR)
    // What the others had not got a copy of is lost to the others, too.
    const gone = [...mesh.kept.values()].filter(({ digest }) => mesh.copies(digest) === 0)
    expect(mesh.said.every(({ by }) => !few.some(({ id }) => id === by))).toBe(true)
    expect(new Set(mesh.said.map(({ file }) => file))).toEqual(new Set(gone.map(({ digest }) => digest)))
    cut(few, false)
    await mesh.run(HOUR)
    for (const blob of mesh.kept.values())
      if (!mesh.lost.has(blob.digest)) expect(mesh.holders(blob).length).toBeGreaterThanOrEqual(3)
  })

  test('a day begins anew when most members are back', async () => {
    mesh = new KeeperMesh(5)
    await mesh.start()
    await orphan()
    cut(mesh.all().slice(0, 3), true)
    await mesh.run(LOST_AFTER_MS + 3 * LOST_TURN_MS)
    expect(mesh.said).toEqual([])
    cut(mesh.all().slice(0, 3), false)
    await mesh.run(LOST_AFTER_MS / 2)
    expect(mesh.said).toEqual([])
    await mesh.run(LOST_AFTER_MS)
    expect(kinds()).toEqual(['lost'])
  })
})

describe('liars', () => {
  test('one that says it has the wheel and never gives it delays the word by a day, no more', async () => {
    mesh = new KeeperMesh(7)
    mesh.node(6).isLiar = true
    await mesh.start()
    await orphan()
    await mesh.run(2 * LOST_AFTER_MS - HOUR)
    expect(mesh.said).toEqual([])
    await mesh.run(6 * HOUR)
    expect(kinds()).toEqual(['lost'])
  })
})
