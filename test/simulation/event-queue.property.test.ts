import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue, type TimedEvent } from '../../src/simulation/event-queue.ts'

/** Push an event at that time, or take the next one out. Few different times, so that many are equal. */
const steps = fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant('pop' as const)), {
  maxLength: 400
})

test('it gives what a sorted array gives: earliest first, and of one instant the first scheduled', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new EventQueue()
      let reference: TimedEvent[] = []
      for (const [order, step] of all.entries()) {
        if (step === 'pop') {
          const [first, ...rest] = reference
          expect(queue.peek()).toBe(first)
          expect(queue.pop()).toBe(first)
          reference = rest
        } else {
          const event = { atMs: step, order, run: () => undefined }
          queue.push(event)
          reference = [...reference, event].sort((a, b) => a.atMs - b.atMs || a.order - b.order)
        }
        expect(queue.size()).toBe(reference.length)
      }
      for (const event of reference) expect(queue.pop()).toBe(event)
      expect(queue.pop()).toBeUndefined()
    })
  )
})
