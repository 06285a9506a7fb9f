import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  AUDIT_MS,
  KEEPER_AWAY_MS,
  KEEPER_ROUND_MS,
  KEEPER_SETTLE_MS,
  REPAIR_BYTES_PER_SECOND
} from '../../src/core/limits.ts'
import type { KeptBlob } from '../../src/replication/replica-ports.ts'
import { KeeperMesh } from './keeper-mesh.ts'

// Days of many nodes: seconds here, on a machine that has nothing else to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const MINUTE = 60_000
/** From a node's end to its copies made elsewhere, in a mesh that has little to copy. */
const REPAIR_MS = KEEPER_AWAY_MS + 3 * KEEPER_SETTLE_MS

let mesh: KeeperMesh
afterEach(async () => {
  await mesh.stop()
})

/** Blobs that nodes built while the mesh ran. */
async function published(count: number, nodes = mesh.all()): Promise<readonly KeptBlob[]> {
  const blobs = Array.from({ length: count }, (_, n) => mesh.publish(nodes[n % nodes.length]!))
  await mesh.run(MINUTE)
  return blobs
}

const atLeast = (copies: number): boolean =>
  Object.keys(mesh.census()).every((have) => Number(have) >= copies)

describe('what is built is copied', () => {
  test('to three members, at once, and never to more than owe it', async () => {
    mesh = new KeeperMesh(20)
    await mesh.start()
    await published(200)
    const census = mesh.census()
    // The builder keeps its own, also where it is not among the three.
    expect(Object.keys(census)).toEqual(['3', '4'])
    const copies = 3 * census[3]! + 4 * census[4]!
    expect(mesh.transferred).toBe((copies - 200) * 2_000)
  })

  test('in a mesh of two to both, in a mesh of one nowhere', async () => {
    mesh = new KeeperMesh(2)
    await mesh.start()
    await published(20)
    expect(mesh.census()).toEqual({ 2: 20 })
    await mesh.stop()
    mesh = new KeeperMesh(1)
    await mesh.start()
    await published(20)
    expect(mesh.census()).toEqual({ 1: 20 })
    expect([mesh.transferred, mesh.said.length]).toEqual([0, 0])
  })

  test('while the ledger is being filled, too: more than can be looked at one by one', async () => {
    mesh = new KeeperMesh(5)
    await mesh.start()
    await published(2_000)
    await mesh.run(5 * MINUTE)
    expect(atLeast(3)).toBe(true)
  })
})

describe('what got lost here is there again', () => {
  test('two of five wiped, and one restored without half of its files', async () => {
    mesh = new KeeperMesh(5)
    await mesh.start()
    const blobs = await published(100)
    const [, first, second, third] = mesh.all()
    for (const node of [first!, second!, third!]) await node.stop()
    first!.wipe()
    second!.wipe()
    // What only these three had is gone for good, whatever anybody does: it is not what this is about.
    const [zeroth, , , , fourth] = mesh.all()
    for (const { digest } of blobs.slice(0, 50))
      if (zeroth!.disk.blobs.has(digest) || fourth!.disk.blobs.has(digest)) third!.disk.blobs.delete(digest)
    for (const node of [first!, second!, third!]) await node.start()
    await mesh.run(5 * MINUTE)
    expect(atLeast(3)).toBe(true)
    expect(mesh.said).toEqual([])
  })

  test('a file that somebody deleted comes back with the next walk', async () => {
    mesh = new KeeperMesh(5)
    await mesh.start()
    const [blob] = await published(10)
    const holder = mesh.holders(blob!)[0]!
    holder.disk.blobs.delete(blob!.digest)
    await mesh.run(2 * KEEPER_ROUND_MS)
    expect(mesh.holders(blob!).length).toBeGreaterThanOrEqual(3)
  })

  test('nodes die for good one after the other, twelve of fifty: nothing is lost', async () => {
    mesh = new KeeperMesh(50)
    await mesh.start()
    await published(200)
    for (let n = 0; n < 12; n++) {
      await mesh.node(n).stop()
      await mesh.run(REPAIR_MS)
      expect(mesh.census()[0]).toBeUndefined()
      expect(atLeast(2)).toBe(true)
    }
    await mesh.run(REPAIR_MS)
    expect(atLeast(3)).toBe(true)
    expect(mesh.said).toEqual([])
  })

  test('two at once, again and again, with newcomers between: what has a living copy keeps one', async () => {
    mesh = new KeeperMesh(12, { seed: 3 })
    await mesh.start()
    await published(200)
    for (let round = 0; round < 8; round++) {
      const alive = mesh.all().filter(({ isAlive }) => isAlive)
      for (let n = 0; n < 2; n++) {
        const victim = alive.splice(Math.floor(mesh.random.float() * alive.length), 1)[0]!
        await victim.stop()
        victim.wipe()
      }
      for (let n = 0; n < 2; n++) await mesh.add().start()
      await mesh.run(REPAIR_MS)
      expect(mesh.census()[0]).toBeUndefined()
      expect(atLeast(3)).toBe(true)
    }
  })
})

describe('traffic', () => {
  test('ends when nothing changes', async () => {
    mesh = new KeeperMesh(10)
    await mesh.start()
    await published(100)
    const [transferred, asked] = [mesh.transferred, mesh.asked]
    await mesh.run(3 * KEEPER_ROUND_MS)
    expect(mesh.transferred).toBe(transferred)
    // Two questions an audit.
    const audits = (10 * 3 * KEEPER_ROUND_MS) / AUDIT_MS
    expect(mesh.asked - asked).toBeLessThan(2.5 * audits)
  })

  test('a reboot costs nothing', async () => {
    mesh = new KeeperMesh(10)
    await mesh.start()
    await published(100)
    const before = mesh.transferred
    for (let n = 0; n < 10; n++) {
      await mesh.node(n).stop()
      await mesh.run(KEEPER_AWAY_MS / 2)
      await mesh.node(n).start()
      await mesh.run(5 * MINUTE)
    }
    expect(mesh.transferred).toBe(before)
  })

  test('a newcomer gets its share, and nobody else anything', async () => {
    mesh = new KeeperMesh(9)
    await mesh.start()
    await published(300)
    const before = mesh.transferred
    const newcomer = mesh.add()
    await newcomer.start()
    await mesh.run(2 * REPAIR_MS)
    expect(mesh.transferred - before).toBe(newcomer.usedBytes())
    // Three of ten hold each blob.
    expect(newcomer.disk.blobs.size).toBeGreaterThan(60)
    expect(newcomer.disk.blobs.size).toBeLessThan(120)
  })

  test('stays below the rate, whatever there is to fetch', async () => {
    mesh = new KeeperMesh(3, { bytesPerSecond: 10_000 })
    await mesh.start()
    const late = mesh.node(2)
    await late.stop()
    await published(300)
    await late.start()
    const before = late.written
    await mesh.run(10_000)
    // Three at once may be under way before the first is paid for.
    expect(late.written - before).toBeLessThanOrEqual(10 * 10_000 + 3 * 2_000)
    expect(late.written - before).toBeGreaterThan(80_000)
    await mesh.run(60_000)
    expect(mesh.census()).toEqual({ 3: 300 })
  })

  test('the rate that holds where nobody says another is slower than an SD card', () => {
    expect(REPAIR_BYTES_PER_SECOND).toBeLessThan(10 * 1024 ** 2)
  })
})

describe('liars', () => {
  test('that say they hold everything are found out, and others hold in their place', async () => {
    mesh = new KeeperMesh(20, { seed: 5 })
    for (let n = 0; n < 4; n++) mesh.node(n).isLiar = true
    await mesh.start()
    await published(200, mesh.all().slice(4))
    // Within some hours everybody has found out.
    await mesh.run(240 * MINUTE)
    for (let n = 4; n < 12; n++) {
      await mesh.node(n).stop()
      await mesh.run(REPAIR_MS)
      expect(atLeast(2)).toBe(true)
    }
    expect(mesh.said).toEqual([])
  })
})

describe('a mirror', () => {
  test('holds all, or what its owner asked for', async () => {
    mesh = new KeeperMesh(6, { replication: 1 })
    const all = mesh.add({ mirrors: () => true })
    const some = mesh.add({ mirrors: ({ project }) => project === 'numpy' })
    await mesh.start()
    for (let n = 0; n < 60; n++)
      mesh.publish(mesh.node(n % 6), 2_000, {
        project: (n % 2 === 0 ? 'numpy' : 'demo') as KeptBlob['project']
      })
    await mesh.run(MINUTE)
    expect(all.disk.blobs.size).toBe(60)
    const numpy = [...mesh.kept.values()].filter(({ project }) => project === 'numpy')
    expect(numpy.every(({ digest }) => some.disk.blobs.has(digest))).toBe(true)
    expect(some.disk.blobs.size).toBeLessThan(45)
  })
})
