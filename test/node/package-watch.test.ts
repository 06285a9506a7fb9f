import { expect, test } from 'vitest'
import type { Log } from '../../src/core/ports.ts'
import { PackageWatch } from '../../src/node/package-watch.ts'

const quiet: Log = { debug: () => 0, info: () => 0, warn: () => 0, error: () => 0 }
/** Turns of the event loop until a look is over: nothing in it waits for the world. */
const over = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function aWatch(): {
  watch: PackageWatch
  world: { ms: number; names: string[]; told: number; fails: boolean }
} {
  const world = { ms: 0, names: ['a1'], told: 0, fails: false }
  const watch = new PackageWatch(
    {
      clock: { monotonicMs: () => world.ms },
      log: quiet,
      packages: { names: async () => world.names },
      onChange: async () => {
        if (world.fails) throw new Error('no')
        world.told += 1
      }
    },
    ['a1']
  )
  return { watch, world }
}

test('tells the mesh once of a package that came, and not while nothing changed', async () => {
  const { watch, world } = aWatch()
  for (world.ms = 0; world.ms <= 60_000; world.ms += 5_000) {
    watch.tick()
    await over()
  }
  expect(world.told).toBe(0)
  world.names = ['a1', 'b1']
  for (; world.ms <= 120_000; world.ms += 5_000) {
    watch.tick()
    await over()
  }
  expect(world.told).toBe(1)
})

test('tells again what could not be told', async () => {
  const { watch, world } = aWatch()
  world.names = []
  world.fails = true
  world.ms = 20_000
  watch.tick()
  await over()
  expect(world.told).toBe(0)
  world.fails = false
  world.ms = 40_000
  watch.tick()
  await over()
  expect(world.told).toBe(1)
})
