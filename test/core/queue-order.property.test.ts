import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import { compareQueuePlaces, urgencyOf } from '../../src/core/queue-order.ts'
import { WANT_PRIORITIES } from '../../src/core/record.ts'
import { RUNS } from './queue-arbitraries.ts'
import { referenceOrder } from './reference/order.ts'

const jobs = fc.record({
  priorities: fc.array(fc.constantFrom(...WANT_PRIORITIES), { minLength: 1, maxLength: 3 }),
  isOdd: fc.boolean(),
  position: fc.integer({ min: 0, max: 12 }),
  createdMs: fc.array(fc.constantFrom(5, 1_700_000_000_000, 1_700_000_000_001), {
    minLength: 3,
    maxLength: 3
  }),
  project: fc.constantFrom('aa', 'bb', 'b-c').map(normalizeName),
  version: fc.constantFrom('1.0', '1.10', '2.0')
})

test('the order of jobs is that of a naive sort', () => {
  fc.assert(
    fc.property(fc.array(jobs, { maxLength: 40 }), (drawn) => {
      const placed = drawn.map((job) => {
        const wishes = job.priorities.map((priority, index) => ({
          priority,
          createdMs: job.createdMs[index]!
        }))
        const { project, version, position } = job
        const createdMs = wishes.map((wish) => wish.createdMs)
        return {
          ...job,
          createdMs,
          place: { urgency: urgencyOf(wishes, job.isOdd), position, project, version }
        }
      })
      const sorted = [...placed].sort((a, b) => compareQueuePlaces(a.place, b.place))
      expect(sorted).toEqual(referenceOrder(placed))
    }),
    RUNS
  )
})
