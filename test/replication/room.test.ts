import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Sha256 } from '../../src/core/ids.ts'
import {
  BLOBS_FULL_SHARE,
  BLOBS_ROOM_SHARE,
  BLOB_IN_USE_MS,
  BLOB_UNKNOWN_MS,
  KEEPER_AWAY_MS
} from '../../src/core/limits.ts'
import { excessOf, fits, roomLevel } from '../../src/replication/room.ts'
import { noise } from '../gossip/memory-blobs.ts'
import { KeeperMesh, type KeeperNode } from './keeper-mesh.ts'

// Days of many nodes: seconds here, on a machine that has nothing else to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe('the levels', () => {
  const limits = { disk: 1_000, minFree: 100 }
  const free = 10_000

  test('a node says that it is full at one mark, and takes copies again only below another', () => {
    expect(roomLevel({ used: 940, free }, limits, 'room')).toBe('room')
    expect(roomLevel({ used: 960, free }, limits, 'room')).toBe('full')
    expect(roomLevel({ used: 900, free }, limits, 'full')).toBe('full')
    expect(roomLevel({ used: 840, free }, limits, 'full')).toBe('room')
    expect(roomLevel({ used: 1_001, free }, limits, 'room')).toBe('over')
  })

  test('space that others take counts as well', () => {
    expect(roomLevel({ used: 0, free: 99 }, limits, 'room')).toBe('over')
    expect(roomLevel({ used: 0, free: 120 }, limits, 'room')).toBe('full')
    expect(roomLevel({ used: 0, free: 140 }, limits, 'full')).toBe('full')
    expect(roomLevel({ used: 0, free: 160 }, limits, 'over')).toBe('room')
  })

  test('without a budget only free space counts, without both nothing does', () => {
    expect(roomLevel({ used: 1e12, free: 200 }, { disk: 0, minFree: 100 }, 'room')).toBe('room')
    expect(roomLevel({ used: 1e12, free: 0 }, { disk: 0, minFree: 0 }, 'room')).toBe('room')
    expect(excessOf({ used: 1e12, free: 0 }, { disk: 0, minFree: 0 })).toEqual({ spare: 0, must: 0 })
  })

  test('a copy that would fill the disk does not fit, and what must go is what is above the budget', () => {
    expect(fits(100, { used: 840, free }, limits)).toBe(true)
    expect(fits(120, { used: 840, free }, limits)).toBe(false)
    expect(fits(10, { used: 0, free: 130 }, limits)).toBe(false)
    expect(excessOf({ used: 1_050, free }, limits)).toEqual({ spare: 1_050 - 850, must: 50 })
    expect(excessOf({ used: 960, free }, limits)).toEqual({ spare: 960 - 850, must: 0 })
    expect([BLOBS_FULL_SHARE, BLOBS_ROOM_SHARE]).toEqual([0.95, 0.85])
  })
})

describe('a mesh whose disks fill up', () => {
  let mesh: KeeperMesh
  /** Every copy that goes leaves another one with an honest node, up or rebooting. */
  let lastCopies = 0

  beforeEach(() => {
    lastCopies = 0
  })
  afterEach(async () => {
    await mesh.stop()
    expect(lastCopies).toBe(0)
  })

  function watched(made: KeeperMesh): KeeperMesh {
    made.onRemove = (node, digest) => {
      const mine = node.disk.blobs.has(digest) ? 1 : 0
      if (made.kept.has(digest) && !node.isLiar && made.copies(digest) - mine < 1) lastCopies++
    }
    return made
  }

  async function fill(builder: KeeperNode, count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      mesh.publish(builder)
      if (n % 10 === 0) await mesh.run(1_000)
    }
    await mesh.run(2 * MINUTE)
  }

  test('a builder whose budget is small drops what three others hold, and goes on building', async () => {
    mesh = watched(new KeeperMesh(8))
    const small = mesh.add({ disk: 100_000 })
    await mesh.start()
    // 400 KB of wheels on a budget of 100 KB; pip is done with them after ten minutes.
    for (let n = 0; n < 20; n++) {
      await fill(small, 10)
      await mesh.run(2 * BLOB_IN_USE_MS)
    }
    expect(small.usedBytes()).toBeLessThanOrEqual(100_000)
    expect(small.keeper.trouble()).toBeUndefined()
    expect(Object.keys(mesh.census()).every((copies) => Number(copies) >= 3)).toBe(true)
  })

  test('a node without room is given no more copies, keeps those it has, and nobody copies them once more', async () => {
    mesh = watched(new KeeperMesh(6))
    await mesh.start()
    await fill(mesh.node(0), 100)
    const tight = mesh.node(3)
    const had = tight.disk.blobs.size
    tight.others = 100 * 1024 ** 3 - tight.usedBytes() - 110
    const limited = { ...tight.options, minFree: 100 }
    await tight.stop()
    Object.assign(tight.options, limited)
    await tight.start()
    const before = mesh.transferred
    await mesh.run(HOUR)
    expect(tight.keeper.hasRoom()).toBe(false)
    expect(mesh.transferred).toBe(before)
    await fill(mesh.node(0), 100)
    expect(tight.disk.blobs.size).toBeLessThanOrEqual(had)
    expect(Object.keys(mesh.census()).every((copies) => Number(copies) >= 3)).toBe(true)
  })

  test('one that must shed what it owes sheds it, and others make the copies', async () => {
    mesh = watched(new KeeperMesh(6))
    const shrinking = mesh.node(2)
    await mesh.start()
    await fill(mesh.node(0), 100)
    const had = shrinking.usedBytes()
    await shrinking.stop()
    Object.assign(shrinking.options, { disk: Math.floor(had / 2) })
    await mesh.run(BLOB_IN_USE_MS)
    await shrinking.start()
    expect(shrinking.keeper.trouble()).toBeUndefined()
    await mesh.run(14 * HOUR)
    expect(shrinking.usedBytes()).toBeLessThanOrEqual(had / 2)
    expect(Object.keys(mesh.census()).every((copies) => Number(copies) >= 3)).toBe(true)
  })

  test.for([1, 2, 3, 4, 5])(
    'all at once, with deaths, reboots and liars: no last copy is dropped (seed %i)',
    async (seed) => {
      mesh = watched(new KeeperMesh(10, { seed, disk: 150_000 }))
      mesh.node(8).isLiar = true
      mesh.node(9).isLiar = true
      await mesh.start()
      const honest = mesh.all().slice(0, 8)
      for (let round = 0; round < 40; round++) {
        const builder = honest[Math.floor(mesh.random.float() * honest.length)]!
        if (builder.isAlive && builder.keeper.trouble() === undefined) await fill(builder, 12)
        for (const digest of [...mesh.kept.keys()].slice(-5)) {
          const reader = honest[Math.floor(mesh.random.float() * honest.length)]!
          if (reader.isAlive && reader.disk.blobs.has(digest)) await reader.use(digest)
        }
        const rebooted = honest[Math.floor(mesh.random.float() * honest.length)]!
        if (round % 3 === 0 && rebooted.isAlive) {
          await rebooted.stop()
          await mesh.run(MINUTE)
          await rebooted.start()
        }
        await mesh.run(10 * MINUTE)
      }
      await mesh.run(3 * HOUR)
      // More than the mesh has room for was built: what is there is there at least once, and everybody says so.
      expect(mesh.kept.size).toBeGreaterThan(200)
      for (const digest of mesh.kept.keys()) expect(mesh.copies(digest)).toBeGreaterThanOrEqual(1)
      for (const node of honest) expect(node.usedBytes()).toBeLessThan(250_000)
    }
  )

  test('two that hold the only two copies, both far over: neither drops its own trusting the other', async () => {
    mesh = watched(new KeeperMesh(2))
    await mesh.start()
    await fill(mesh.node(0), 50)
    for (const node of mesh.all()) {
      await node.stop()
      Object.assign(node.options, { disk: 10_000 })
    }
    await mesh.run(BLOB_IN_USE_MS)
    for (const node of mesh.all()) await node.start()
    await mesh.run(6 * HOUR)
    for (const digest of mesh.kept.keys()) expect(mesh.copies(digest)).toBeGreaterThanOrEqual(1)
    for (const node of mesh.all()) expect(node.keeper.trouble()).toContain('raise it')
  })

  test('nothing goes while it is being read, nor shortly after', async () => {
    mesh = watched(new KeeperMesh(6))
    const small = mesh.add({ disk: 100_000 })
    await mesh.start()
    await fill(small, 60)
    const [digest] = [...small.disk.blobs.keys()]
    const reading = small.meter.store.read(digest as Sha256)[Symbol.asyncIterator]()
    await reading.next()
    await mesh.run(HOUR)
    expect(small.usedBytes()).toBeLessThan(100_000)
    expect(small.disk.blobs.has(digest!)).toBe(true)
    await reading.return?.(undefined)
    await small.use(digest!)
    await fill(small, 40)
    expect(small.disk.blobs.has(digest!)).toBe(true)
  })

  test('what no record speaks of goes first, but only after a day: the records may be on their way', async () => {
    mesh = watched(new KeeperMesh(4))
    const node = mesh.add({ disk: 100_000 })
    for (let n = 0; n < 60; n++) node.disk.put(noise(2_000, 10_000 + n))
    await mesh.start()
    expect(node.keeper.trouble()).toBeUndefined()
    await mesh.run(BLOB_UNKNOWN_MS - HOUR)
    expect(node.disk.blobs.size).toBe(60)
    expect(node.keeper.trouble()).toContain('raise it')
    await mesh.run(2 * HOUR)
    expect(node.usedBytes()).toBeLessThanOrEqual(85_000)
    expect(node.keeper.trouble()).toBeUndefined()
  })

  test('a peer that only says it holds a blob is not believed: it has to show bytes', async () => {
    mesh = watched(new KeeperMesh(2))
    const [honest, liar] = [mesh.node(0), mesh.node(1)]
    liar.isLiar = true
    Object.assign(honest.options, { disk: 20_000 })
    await mesh.start()
    await fill(honest, 30)
    await mesh.run(BLOB_IN_USE_MS + KEEPER_AWAY_MS + HOUR)
    expect(honest.disk.blobs.size).toBe(30)
  })
})
