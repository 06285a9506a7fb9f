import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import { compareQueuePlaces } from '../../src/core/queue-order.ts'
import { JobQueue, type Queued } from '../../src/scheduler/job-queue.ts'
import { MinHeap } from '../../src/scheduler/min-heap.ts'
import { SortedList } from '../../src/scheduler/sorted-list.ts'
import { WaitPath } from '../../src/scheduler/wait-path.ts'

function read(list: SortedList<number>): readonly number[] {
  const found: number[] = []
  const cursor = list.cursor()
  while (cursor.current !== undefined) {
    found.push(cursor.current)
    cursor.advance()
  }
  return found
}

describe('a sorted list', () => {
  test('is a sorted array, whatever is inserted and removed', () => {
    const steps = fc.array(fc.record({ inserts: fc.boolean(), value: fc.nat(60) }), { maxLength: 200 })
    fc.assert(
      fc.property(steps, (drawn) => {
        const list = new SortedList<number>((a, b) => a - b)
        const model = new Set<number>()
        for (const { inserts, value } of drawn) {
          if (!inserts) expect(list.remove(value)).toBe(model.delete(value))
          else if (!model.has(value)) {
            model.add(value)
            list.insert(value)
          }
        }
        expect(read(list)).toEqual([...model].sort((a, b) => a - b))
        expect(list.size).toBe(model.size)
      })
    )
  })

  test('stays so over many chunks, cut and joined again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_972 }), fc.integer({ min: 1, max: 5_000 }), (step, kept) => {
        // 9,973 is prime: every step goes through all of the numbers.
        const all = Array.from({ length: 9_973 }, (_, i) => (i * step) % 9_973)
        const list = new SortedList<number>((a, b) => a - b)
        for (const value of all) list.insert(value)
        expect(read(list)).toEqual([...all].sort((a, b) => a - b))
        for (const value of all.slice(kept)) expect(list.remove(value)).toBe(true)
        expect(read(list)).toEqual(all.slice(0, kept).sort((a, b) => a - b))
        for (const value of all.slice(kept)) list.insert(value)
        expect(read(list)).toEqual([...all].sort((a, b) => a - b))
      }),
      { numRuns: 8 }
    )
  })
})

test('a heap gives the least item first', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(20), (values, added) => {
      const heap = new MinHeap<{ at: number }>((a, b) => a.at - b.at)
      for (const at of values) heap.push({ at })
      const least = heap.least()
      if (least !== undefined) {
        least.at += added
        heap.sink()
      }
      const found: number[] = []
      for (let next = heap.pop(); next !== undefined; next = heap.pop()) found.push(next.at)
      const [first = 0, ...others] = [...values].sort((a, b) => a - b)
      expect(found).toEqual(values.length === 0 ? [] : [first + added, ...others].sort((a, b) => a - b))
    })
  )
})

const [low, middle, high] = ['cp39', 'cp311', 'cp313'].map(
  (python) => `${python}-linux_armv7l-glibc2.31`
) as [TargetId, TargetId, TargetId]
const PATHS = [
  WaitPath.nothing,
  WaitPath.nothing.with(low),
  WaitPath.nothing.with(low).with(middle),
  WaitPath.nothing.with(middle)
]

interface Drawn {
  readonly number: number
  readonly rank: number
  readonly slice: number
  readonly path: number
  readonly wakeMs: number
  readonly isRemoved: boolean
}

const drawnJobs: fc.Arbitrary<Drawn[]> = fc.uniqueArray(
  fc.record({
    number: fc.nat(500),
    rank: fc.nat(7),
    slice: fc.nat(15),
    path: fc.nat(PATHS.length - 1),
    wakeMs: fc.constantFrom(0, 0, 0, 10, 20),
    isRemoved: fc.boolean()
  }),
  { selector: ({ number }) => number, maxLength: 60 }
)

function queuedOf({ number, rank, slice }: Drawn): Queued {
  const project = normalizeName(`p${number}`)
  const place = { urgency: { rank, sinceMs: number % 5 }, position: number % 3, project, version: '1.0' }
  return { ...place, id: jobId(project, '1.0', high), slice, queuedIn: undefined }
}

test('a queue offers what a naive filter and sort would: by turn, time, slice and urgency', () => {
  fc.assert(
    fc.property(
      drawnJobs,
      fc.subarray([low, middle]),
      fc.constantFrom(1, 2, 4, 8, 16),
      fc.array(fc.constantFrom(0, 9, 10, 15, 20, 30), { minLength: 1, maxLength: 3 }),
      (drawn, served, count, times) => {
        const queue = new JobQueue()
        const jobs = drawn.map((one) => ({ one, job: queuedOf(one) }))
        for (const { one, job } of jobs)
          queue.add(job, one.wakeMs > 0 ? WaitPath.nothing : PATHS[one.path]!, one.wakeMs)
        for (const { one, job } of jobs) if (one.isRemoved) queue.remove(job)
        for (const nowMs of times.sort((a, b) => a - b)) {
          for (let index = 0; index < count; index++) {
            const expected = jobs
              .filter(({ one }) => !one.isRemoved && one.wakeMs <= nowMs && one.slice % count === index)
              .filter(
                ({ one }) => one.wakeMs > 0 || !PATHS[one.path]!.targets.some((id) => served.includes(id))
              )
              .map(({ job }) => job)
              .sort(compareQueuePlaces)
            const isServed = (id: TargetId): boolean => served.includes(id)
            expect([...queue.take(nowMs, { isServed, slice: { index, count } })]).toEqual(expected)
          }
        }
      }
    ),
    { numRuns: 500 }
  )
})
