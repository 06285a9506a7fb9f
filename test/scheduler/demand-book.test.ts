import { expect, test } from 'vitest'
import { normalizeName } from '../../src/core/distribution.ts'
import type { TargetId } from '../../src/core/ids.ts'
import { DEMAND_HALF_LIFE_MS, DEMAND_SPACING_MS, MAX_DEMANDS } from '../../src/core/limits.ts'
import { DemandBook } from '../../src/scheduler/demand-book.ts'
import { FakeClock } from '../support/test-ports.ts'

const targets = ['cp311-linux_armv7l-glibc2.36' as TargetId]
const demo = { project: normalizeName('demo'), targets }

test('one request is no demand, two on different occasions are', async () => {
  const clock = new FakeClock()
  const book = new DemandBook(clock)
  book.note(demo)
  expect(book.take(10)).toEqual([])
  await clock.advance(DEMAND_SPACING_MS)
  book.note(demo)
  expect(book.take(10)).toEqual([demo])
  expect(book.take(10)).toEqual([])
})

test('a flood within a minute is one request', () => {
  const book = new DemandBook(new FakeClock())
  for (let i = 0; i < 10_000; i++) book.note(demo)
  expect(book.take(10)).toEqual([])
})

test('what was asked for long ago hardly counts', async () => {
  const clock = new FakeClock()
  const book = new DemandBook(clock)
  book.note(demo)
  await clock.advance(2 * DEMAND_HALF_LIFE_MS)
  book.note(demo)
  expect(book.take(10)).toEqual([])
})

test('what was looked into is counted anew', async () => {
  const clock = new FakeClock()
  const book = new DemandBook(clock)
  for (let i = 0; i < 2; i++) {
    book.note(demo)
    await clock.advance(DEMAND_SPACING_MS)
  }
  expect(book.take(1)).toHaveLength(1)
  book.note(demo)
  expect(book.take(1)).toEqual([])
})

test('clients of different kinds are counted apart', async () => {
  const clock = new FakeClock()
  const book = new DemandBook(clock)
  book.note(demo)
  await clock.advance(DEMAND_SPACING_MS)
  book.note({ ...demo, targets: ['cp313-linux_armv7l-glibc2.36' as TargetId] })
  expect(book.take(10)).toEqual([])
})

test('it holds a bounded number, those asked for lately', () => {
  const book = new DemandBook(new FakeClock())
  for (let i = 0; i < 3 * MAX_DEMANDS; i++) book.note({ ...demo, project: normalizeName(`p${i}`) })
  expect(book.size).toBe(MAX_DEMANDS)
})
