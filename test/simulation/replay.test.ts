import { describe, expect, test } from 'vitest'
import type { SeedOutcome, SeedReport } from '../../src/node/sim-task.ts'
import { drawPlan, FAULTS } from '../../src/simulation/seed-plan.ts'
import { Dice } from '../../src/simulation/seeded-random.ts'
import { runOne } from './judge-seeds.ts'

const TIMEOUT_MS = 5 * 60_000

function reportOf(outcome: SeedOutcome): SeedReport {
  if (outcome.kind !== 'ran') throw new Error(outcome.reason)
  return outcome.report
}

describe('a seed', () => {
  test(
    'gives the same run to the last event, whether somebody takes notes or not',
    { timeout: TIMEOUT_MS },
    async () => {
      const [first, again] = (
        await Promise.all([runOne({ seed: 3 }), runOne({ seed: 3, transcript: true })])
      ).map(reportOf)
      expect({ ...again!, lines: [] }).toEqual(first)
      expect(first!.events).toBeGreaterThan(10_000)
      expect(again!.lines.length).toBeGreaterThan(100)
    }
  )

  test('gives another run than the next one', { timeout: TIMEOUT_MS }, async () => {
    const [one, other] = (await Promise.all([runOne({ seed: 4 }), runOne({ seed: 5 })])).map(reportOf)
    expect(one!.trace).not.toBe(other!.trace)
  })

  test('with a transcript tells it to the line twice', { timeout: TIMEOUT_MS }, async () => {
    const task = { seed: 6, transcript: true }
    const [first, again] = (await Promise.all([runOne(task), runOne(task)])).map(reportOf)
    expect(again!.lines).toEqual(first!.lines)
  })
})

describe('plans', () => {
  const plans = Array.from({ length: 500 }, (_, seed) => drawPlan(seed))

  test('are meshes of about twenty nodes with work for them, all within what the protocol allows', () => {
    const sizes = plans.map(({ machines }) => machines.length)
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(5)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(40)
    for (const { machines, wants, roots } of plans) {
      expect(wants.length).toBeGreaterThan(0)
      expect(roots).toBeGreaterThan(0)
      const rates = machines.map(({ clockRate }) => clockRate)
      expect(Math.max(...rates) / Math.min(...rates)).toBeLessThan(1.036)
    }
  })

  test('have every fault in many of them, every pair of faults in some, and none in a few', () => {
    const countOf = (...faults: readonly string[]): number =>
      plans.filter((plan) => faults.every((fault) => plan.faults.has(fault as never))).length
    for (const [at, one] of FAULTS.entries()) {
      expect(countOf(one), one).toBeGreaterThan(80)
      for (const other of FAULTS.slice(0, at))
        expect(countOf(one, other), `${one}, ${other}`).toBeGreaterThan(15)
    }
    expect(new Set(plans.map(({ faults }) => faults.size)).size).toBeGreaterThan(5)
  })

  test('are drawn from the seed alone', () => {
    expect(drawPlan(7)).toEqual(drawPlan(7))
    expect(drawPlan(7)).not.toEqual(drawPlan(8))
  })
})

describe('dice', () => {
  test('for one purpose are not moved by those for another one', () => {
    const draw = (dice: Dice): readonly number[] => Array.from({ length: 5 }, () => dice.between(0, 1))
    const alone = draw(new Dice(1, 'faults'))
    draw(new Dice(1, 'network'))
    expect(draw(new Dice(1, 'faults'))).toEqual(alone)
    expect(draw(new Dice(1, 'network'))).not.toEqual(alone)
    expect(draw(new Dice(2, 'faults'))).not.toEqual(alone)
  })

  test('keep to what is asked of them', () => {
    const dice = new Dice(1, 'test')
    const wholes = Array.from({ length: 2_000 }, () => dice.whole(1, 3))
    expect(new Set(wholes)).toEqual(new Set([1, 2, 3]))
    const times = Array.from({ length: 20_000 }, () => dice.exponential(100))
    const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length
    expect(mean).toBeGreaterThan(96)
    expect(mean).toBeLessThan(104)
    expect(Math.min(...times)).toBeGreaterThanOrEqual(0)
    const hits = Array.from({ length: 20_000 }, () => dice.chance(0.1)).filter(Boolean).length
    expect(hits).toBeGreaterThan(1_850)
    expect(hits).toBeLessThan(2_150)
    expect(dice.pick<number>([])).toBeUndefined()
    expect(dice.some([1, 2, 3, 4], 4).toSorted()).toEqual([1, 2, 3, 4])
    expect(dice.some([1, 2], 5)).toHaveLength(2)
  })
})
