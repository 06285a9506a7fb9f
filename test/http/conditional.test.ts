import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesEtag, parseRange, rangeStillHolds } from '../../src/http/conditional.ts'

describe('parseRange over 100 bytes', () => {
  const cases: { header: string | undefined; range: unknown }[] = [
    { header: undefined, range: undefined },
    { header: 'bytes=0-0', range: { start: 0, end: 1 } },
    { header: 'bytes=0-', range: { start: 0, end: 100 } },
    { header: 'bytes=40-59', range: { start: 40, end: 60 } },
    { header: 'bytes=40-9999', range: { start: 40, end: 100 } },
    { header: 'bytes=-1', range: { start: 99, end: 100 } },
    { header: 'bytes=-9999', range: { start: 0, end: 100 } },
    { header: 'Bytes= 5 - 6 ', range: { start: 5, end: 7 } },
    { header: 'bytes=100-', range: 'unsatisfiable' },
    { header: 'bytes=100-200', range: 'unsatisfiable' },
    { header: 'bytes=-0', range: 'unsatisfiable' },
    { header: 'bytes=9-8', range: undefined },
    { header: 'bytes=-', range: undefined },
    { header: 'bytes=a-b', range: undefined },
    { header: 'bytes=0-1,5-6', range: undefined },
    { header: 'bytes=--5', range: undefined },
    { header: 'bytes=1.5-2', range: undefined },
    { header: 'items=0-5', range: undefined },
    { header: `bytes=0-${'9'.repeat(400)}`, range: undefined },
    { header: `bytes=${'9'.repeat(15)}-`, range: 'unsatisfiable' }
  ]
  test.for(cases)('$header', ({ header, range }) => {
    expect(parseRange(header, 100)).toEqual(range)
  })

  test('of nothing is never satisfiable', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable')
    expect(parseRange('bytes=-5', 0)).toBe('unsatisfiable')
  })

  test('whatever is asked, the answer lies inside the body', () => {
    const header = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`)
    )
    fc.assert(
      fc.property(header, fc.nat(10_000), (text, size) => {
        const range = parseRange(text, size)
        if (range === undefined || range === 'unsatisfiable') return
        expect(0 <= range.start && range.start < range.end && range.end <= size).toBe(true)
      })
    )
  })
})

test.for([
  { header: undefined, matches: false },
  { header: '"abc"', matches: true },
  { header: 'W/"abc"', matches: true },
  { header: '"x", "abc"', matches: true },
  { header: '*', matches: true },
  { header: '"abc-gz"', matches: false },
  { header: 'abc', matches: false }
])('If-None-Match: $header', ({ header, matches }) => {
  expect(matchesEtag(header, '"abc"')).toBe(matches)
})

test.for([
  { header: undefined, holds: true },
  { header: '"abc"', holds: true },
  { header: 'W/"abc"', holds: false },
  { header: '"other"', holds: false },
  { header: 'Wed, 21 Oct 2026 07:28:00 GMT', holds: false }
])('If-Range: $header', ({ header, holds }) => {
  expect(rangeStillHolds(header, '"abc"')).toBe(holds)
})
