import { describe, expect, test } from 'vitest'
import { PROMISE_MS } from '../../src/core/limits.ts'
import { Dice } from '../../src/simulation/seeded-random.ts'
import { SimMachine } from '../../src/simulation/sim-machine.ts'
import { World } from '../../src/simulation/world.ts'
import { machineFacts } from './sim-kit.ts'

function aMachine(world: World, over: Parameters<typeof machineFacts>[1] = {}): SimMachine {
  const machine = new SimMachine(world, machineFacts('a', over), new Dice(1, 'a'))
  machine.process = { alive: true }
  return machine
}

describe('clocks', () => {
  test('run at their rate from their offset', async () => {
    const world = new World()
    const { clock } = aMachine(world, { clockRate: 1.01, clockOffsetMs: 5_000 })
    const wallMs = clock.wallMs()
    await world.run(100_000)
    expect(clock.monotonicMs()).toBeCloseTo(106_000, 6)
    expect(clock.wallMs() - wallMs).toBe(101_000)
  })

  test('a sleeper sleeps by its own clock: who runs fast wakes early', async () => {
    const world = new World()
    const woken: string[] = []
    for (const [name, rate] of [
      ['slow', 0.985],
      ['fast', 1.015]
    ] as const) {
      const { clock } = aMachine(world, { clockRate: rate })
      void clock.sleep(PROMISE_MS).then(() => woken.push(`${name} ${Math.round(world.nowMs())}`))
    }
    await world.run(2 * PROMISE_MS)
    expect(woken).toEqual([
      `fast ${Math.round(PROMISE_MS / 1.015)}`,
      `slow ${Math.round(PROMISE_MS / 0.985)}`
    ])
  })

  test('a jump moves the clock on the wall and nothing else', async () => {
    const world = new World()
    const { clock } = aMachine(world)
    const [wallMs, monotonicMs] = [clock.wallMs(), clock.monotonicMs()]
    clock.jump(-86_400_000)
    expect(clock.wallMs()).toBe(wallMs - 86_400_000)
    expect(clock.monotonicMs()).toBe(monotonicMs)
    await world.run(10)
    expect(clock.monotonicMs()).toBe(monotonicMs + 10)
  })

  test('an aborted sleep rejects with the reason', async () => {
    const world = new World()
    const { clock } = aMachine(world)
    const ending = new AbortController()
    const slept = clock.sleep(1_000, { signal: ending.signal })
    ending.abort(new Error('enough'))
    await expect(slept).rejects.toThrow('enough')
    await expect(clock.sleep(1, { signal: ending.signal })).rejects.toThrow('enough')
  })
})

describe('a machine that is stopped', () => {
  test('does nothing, and everything that waited, in order, when it goes on; its clock ran on', async () => {
    const world = new World()
    const machine = aMachine(world)
    const seen: string[] = []
    machine.pause()
    machine.whenAwake(machine.process!, () => seen.push(`message ${machine.clock.monotonicMs()}`))
    machine.later(100, () => seen.push(`timer ${machine.clock.monotonicMs()}`))
    await world.run(5_000)
    expect(seen).toEqual([])
    machine.resume()
    await world.run(1)
    expect(seen).toEqual(['message 5000', 'timer 5000'])
  })

  test('was absent until it went on', async () => {
    const world = new World()
    const machine = aMachine(world)
    machine.pause()
    expect(machine.presentSinceMs()).toBe(Infinity)
    await world.run(700)
    expect(machine.pausedForMs()).toBe(700)
    machine.resume()
    expect(machine.presentSinceMs()).toBe(700)
  })
})

test('timers of a process that died do not fire in the next one', async () => {
  const world = new World()
  const machine = aMachine(world)
  const seen: string[] = []
  machine.later(100, () => seen.push('of the dead'))
  machine.forget()
  machine.process = { alive: true }
  machine.later(100, () => seen.push('of the living'))
  await world.run(1_000)
  expect(seen).toEqual(['of the living'])
})

test('a slow machine does everything later, by up to its lag', async () => {
  const world = new World()
  const machine = aMachine(world)
  machine.lagMs = 500
  const times: number[] = []
  for (let i = 0; i < 100; i++) machine.whenAwake(machine.process!, () => times.push(world.nowMs()))
  await world.run(1_000)
  expect(times).toHaveLength(100)
  expect(Math.max(...times)).toBeLessThanOrEqual(500)
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(300)
})
