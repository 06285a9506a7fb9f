import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  failedPasses,
  groupBatches,
  roundsOf,
  type BatchWant,
  type FailedBuild
} from '../../src/core/batch.ts'
import { BATCH_QUIET_MS, MAX_TRANSIENT_ATTEMPTS } from '../../src/core/limits.ts'
import { FAILURE_CLASSES } from '../../src/core/record.ts'
import { signerOf } from '../support/fixture-keys.ts'

/** What a cell would do: fail so many times, and then be built; `Infinity`: never. */
type Stubbornness = number

/** Fedora ELN's rule, word for word: build all; build the failures again, until the same set fails twice in a row. */
function elnRule(cells: readonly Stubbornness[]): { builds: number[]; stillFailing: number[] } {
  const builds = cells.map(() => 0)
  let toBuild = cells.map((_, index) => index)
  let before: readonly number[] | undefined
  for (;;) {
    for (const index of toBuild) builds[index]!++
    const failing = toBuild.filter((index) => builds[index]! <= cells[index]!)
    if (failing.length === 0 || String(failing) === String(before)) return { builds, stillFailing: failing }
    before = failing
    toBuild = failing
  }
}

const stubbornness = fc.oneof(fc.nat(4), fc.constant(Infinity))

test('a batch that is built one cell after the other, in any order, does what the rule says', () => {
  fc.assert(
    fc.property(fc.array(stubbornness, { maxLength: 8 }), fc.infiniteStream(fc.nat()), (cells, chance) => {
      const builds = cells.map(() => 0)
      const isBuilt = (index: number): boolean => builds[index]! > cells[index]!
      const failed = (index: number): number => builds[index]! - (isBuilt(index) ? 1 : 0)
      for (;;) {
        const { round, ended } = roundsOf(cells.map((_, i) => ({ failed: failed(i), ended: isBuilt(i) })))
        const offered = cells.map((_, i) => i).filter((i) => !isBuilt(i) && failed(i) < round)
        expect(offered.length === 0).toBe(ended)
        if (ended) break
        builds[offered[chance.next().value! % offered.length]!]!++
      }
      const rule = elnRule(cells)
      expect(builds).toEqual(rule.builds)
      expect(cells.map((_, i) => i).filter((i) => !isBuilt(i))).toEqual(rule.stillFailing)
    }),
    { numRuns: 2_000 }
  )
})

test('a result that comes in never takes a round back', () => {
  const cell = fc.record({ failed: fc.nat(4), ended: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(cell, { minLength: 1, maxLength: 6 }),
      fc.nat(),
      fc.boolean(),
      (cells, at, isWheel) => {
        const before = roundsOf(cells)
        const index = at % cells.length
        const after = roundsOf(
          cells.map((one, i) => {
            if (i !== index) return one
            return isWheel ? { ...one, ended: true } : { ...one, failed: one.failed + (one.ended ? 0 : 1) }
          })
        )
        if (before.ended) expect(after).toEqual(before)
        else expect(after.round).toBeGreaterThanOrEqual(before.round)
      }
    ),
    { numRuns: 2_000 }
  )
})

const someWants = fc.uniqueArray(
  fc.record({
    id: fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), minLength: 1, maxLength: 6 }),
    author: fc.constantFrom(signerOf('root').nodeId, signerOf('builder').nodeId),
    atomic: fc.boolean(),
    createdMs: fc.nat(60_000)
  }),
  { selector: ({ id }) => id, maxLength: 12 }
)

/** Two wants are together if a chain of near ones leads from one to the other. */
function togetherByDefinition(wants: readonly BatchWant[], a: BatchWant, b: BatchWant): boolean {
  const reached = new Set([a])
  for (let grew = true; grew;) {
    grew = false
    for (const one of wants) {
      const isNear = [...reached].some(
        ({ author, atomic, createdMs }) =>
          one.author === author &&
          one.atomic === atomic &&
          Math.abs(one.createdMs - createdMs) <= BATCH_QUIET_MS
      )
      if (isNear && !reached.has(one)) grew = Boolean(reached.add(one))
    }
  }
  return reached.has(b)
}

test('wants are one batch exactly if a chain of near ones of the same kind joins them, in whatever order they came', () => {
  fc.assert(
    fc.property(someWants, fc.infiniteStream(fc.nat()), (wants, chance) => {
      const batches = groupBatches(wants)
      const batchOf = (want: BatchWant): string =>
        batches.find(({ wantIds }) => wantIds.includes(want.id))!.id
      for (const a of wants)
        for (const b of wants) expect(batchOf(a) === batchOf(b)).toBe(togetherByDefinition(wants, a, b))
      const keys = new Map(wants.map((want) => [want, chance.next().value!]))
      expect(groupBatches([...wants].sort((a, b) => keys.get(a)! - keys.get(b)!))).toEqual(batches)
    }),
    { numRuns: 500 }
  )
})

const someBuilds = fc.array(
  fc.record({
    pass: fc.integer({ min: 1, max: 3 }),
    failure: fc.record({
      class: fc.constantFrom(...FAILURE_CLASSES),
      cause: fc.constant('x'),
      reason: fc.constant('y')
    })
  }),
  { maxLength: 16 }
)

test('a pass failed if something failed for good in it, or too much of it in passing; more results never undo that', () => {
  fc.assert(
    fc.property(someBuilds, (builds: readonly FailedBuild[]) => {
      const expected = [1, 2, 3].filter((pass) => {
        const classes = builds.filter((build) => build.pass === pass).map(({ failure }) => failure.class)
        const forGood = classes.some(
          (kind) => kind === 'package' || kind === 'resource' || kind === 'missing-dependency'
        )
        return forGood || classes.filter((kind) => kind === 'transient').length >= MAX_TRANSIENT_ATTEMPTS
      })
      expect(failedPasses(builds)).toEqual(expected)
      expect(failedPasses([...builds].reverse())).toEqual(expected)
      for (let count = 0; count < builds.length; count++)
        expect(expected).toEqual(expect.arrayContaining([...failedPasses(builds.slice(0, count))]))
    }),
    { numRuns: 1_000 }
  )
})
