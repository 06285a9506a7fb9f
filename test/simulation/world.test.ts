import { expect, test } from 'vitest'
import { World } from '../../src/simulation/world.ts'

test('time jumps from event to event, and what an event schedules comes in its turn', async () => {
  const world = new World()
  const seen: string[] = []
  const note = (name: string): void => {
    seen.push(`${name}@${world.nowMs()}`)
  }
  world.at(20, () => {
    note('late')
  })
  world.at(10, () => {
    note('early')
    world.at(5, () => {
      note('scheduled by early')
    })
  })
  await world.run(100)
  expect(seen).toEqual(['early@10', 'scheduled by early@15', 'late@20'])
  expect(world.nowMs()).toBe(100)
  expect(world.events()).toBe(3)
})

test('everything that needs no time happens before the next event', async () => {
  const world = new World()
  const seen: string[] = []
  world.at(1, () => {
    void (async () => {
      for (let i = 0; i < 50; i++) await Promise.resolve()
      seen.push('chain of promises')
    })()
  })
  world.at(1.001, () => seen.push('next event'))
  await world.run(2)
  expect(seen).toEqual(['chain of promises', 'next event'])
})

test('a run ends when its condition holds, and goes on from there', async () => {
  const world = new World()
  const seen: number[] = []
  for (const ms of [1, 2, 3]) world.at(ms, () => seen.push(ms))
  expect(await world.run(10, () => seen.length === 2)).toBe(true)
  expect(world.nowMs()).toBe(2)
  expect(await world.run(10)).toBe(false)
  expect(seen).toEqual([1, 2, 3])
})

test('what is asked for in the past comes now', async () => {
  const world = new World()
  await world.run(10)
  let cameMs = -1
  world.at(-5, () => (cameMs = world.nowMs()))
  await world.run(1)
  expect(cameMs).toBe(10)
})

test('the trace tells runs apart by what happened and when', async () => {
  const traceOf = async (atMs: number, what: number): Promise<string> => {
    const world = new World()
    world.at(atMs, () => {
      world.mark(what)
    })
    await world.run(10)
    return world.trace()
  }
  const traces = await Promise.all([traceOf(1, 7), traceOf(1, 7), traceOf(1.001, 7), traceOf(1, 8)])
  expect(traces[0]).toBe(traces[1])
  expect(new Set(traces).size).toBe(3)
})

test('a transcript is kept only when asked for', () => {
  const [told, untold] = [new World({ transcript: true }), new World()]
  for (const world of [told, untold]) world.tell('it rains')
  expect(told.lines()).toEqual(['     0.000 s  it rains'])
  expect(untold.lines()).toEqual([])
})
