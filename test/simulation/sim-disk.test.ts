import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Sha256 } from '../../src/core/ids.ts'
import type { StoredEntry } from '../../src/core/ports.ts'
import type { WitnessMemory } from '../../src/scheduler/lease-witness.ts'
import { Dice } from '../../src/simulation/seeded-random.ts'
import { SimDisk, type DiskHost } from '../../src/simulation/sim-disk.ts'
import { World } from '../../src/simulation/world.ts'
import { nodeId, SHARD } from './sim-kit.ts'

function entry(seq: number): StoredEntry {
  return {
    node: nodeId('a'),
    incarnation: '00000000000000aa',
    seq,
    hash: String(seq).padStart(64, '0') as Sha256,
    bytes: new Uint8Array(1)
  }
}

interface Setup {
  readonly world: World
  readonly disk: SimDisk
  readonly host: DiskHost
}

/** `host.die()`: what was to run later never does. */
function aDisk(seed = 1): Setup & { readonly die: () => void } {
  const world = new World()
  let alive = true
  const host: DiskHost = {
    nowMs: () => 0,
    later: (inMs, run) => {
      world.at(inMs, () => {
        if (alive) run()
      })
    }
  }
  return { world, disk: new SimDisk(new Dice(seed, 'disk')), host, die: () => (alive = false) }
}

function seqsOf(disk: SimDisk): readonly number[] {
  return disk.entries().map(({ seq }) => seq)
}

describe('when the power goes', () => {
  test('what was synced stays, and of the rest some first part: never a hole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 30 }),
        fc.integer({ min: 1, max: 1_000 }),
        async (syncs, seed) => {
          const { world, disk, host } = aDisk(seed)
          const store = disk.entryStore(host)
          for (const [at, sync] of syncs.entries()) {
            const written = store.append([entry(at + 1)], { sync })
            await world.run(10_000)
            await written
          }
          const lost = disk.crash()
          const left = seqsOf(disk)
          expect(left).toEqual(Array.from({ length: syncs.length - lost }, (_, at) => at + 1))
          expect(left.length).toBeGreaterThanOrEqual(syncs.lastIndexOf(true) + 1)
        }
      )
    )
  })

  test('unsynced writes are lost in some runs and kept in others', async () => {
    const left = new Set<number>()
    for (let seed = 1; seed <= 40; seed++) {
      const { disk, host } = aDisk(seed)
      const store = disk.entryStore(host)
      for (let seq = 1; seq <= 3; seq++) await store.append([entry(seq)], { sync: false })
      disk.crash()
      left.add(seqsOf(disk).length)
    }
    expect([...left].sort()).toEqual([0, 1, 2, 3])
  })

  test('while a synced write is on its way, nobody was told, and it may be lost', async () => {
    const left = new Set<number>()
    for (let seed = 1; seed <= 40; seed++) {
      const { disk, host, die, world } = aDisk(seed)
      let told = false
      void disk
        .entryStore(host)
        .append([entry(1)], { sync: true })
        .then(() => (told = true))
      die()
      disk.crash()
      await world.run(10_000)
      expect(told).toBe(false)
      left.add(seqsOf(disk).length)
    }
    expect([...left].sort()).toEqual([0, 1])
  })

  test('the next process reads what is left, in order', async () => {
    const { world, disk, host } = aDisk()
    const written = disk.entryStore(host).append([entry(1), entry(2)], { sync: true })
    await world.run(10_000)
    await written
    disk.crash()
    const store = disk.entryStore(host)
    expect((await store.heads()).map(({ seq }) => seq)).toEqual([2])
    const read: number[] = []
    for await (const { seq } of store.range({ node: nodeId('a'), incarnation: '00000000000000aa' }, 1)) {
      read.push(seq)
    }
    expect(read).toEqual([1, 2])
  })
})

describe("a witness's memory", () => {
  const memory = { term: 7 } as unknown as WitnessMemory

  test('is there after a crash once it was saved', async () => {
    const { world, disk, host } = aDisk()
    const saved = disk.witnessStore(host).save(SHARD, memory)
    await world.run(10_000)
    await saved
    disk.crash()
    expect(await disk.witnessStore(host).load(SHARD)).toBe(memory)
  })

  test('is not there when the machine died before', async () => {
    const { world, disk, host, die } = aDisk()
    void disk.witnessStore(host).save(SHARD, memory)
    die()
    disk.crash()
    await world.run(10_000)
    expect(await disk.witnessStore(host).load(SHARD)).toBeUndefined()
  })
})

describe('trouble', () => {
  test('a full disk refuses every write and loses none', async () => {
    const { world, disk, host } = aDisk()
    const written = disk.entryStore(host).append([entry(1)], { sync: true })
    await world.run(10_000)
    await written
    disk.full = true
    await expect(disk.entryStore(host).append([entry(2)], { sync: true })).rejects.toThrow('no space')
    await expect(disk.witnessStore(host).save(SHARD, {} as WitnessMemory)).rejects.toThrow('no space')
    expect(seqsOf(disk)).toEqual([1])
  })

  test('a slow disk takes so many times longer', async () => {
    const timeOf = async (slowness: number): Promise<number> => {
      const { world, disk, host } = aDisk(3)
      disk.slowness = slowness
      let doneMs = -1
      void disk
        .entryStore(host)
        .append([entry(1)], { sync: true })
        .then(() => (doneMs = world.nowMs()))
      await world.run(60_000)
      return doneMs
    }
    expect(await timeOf(20)).toBeCloseTo(20 * (await timeOf(1)), 6)
  })
})
