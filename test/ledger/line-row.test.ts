import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesText, insertLine, linesOf, textBytes } from '../../src/ledger/line-row.ts'

const line = fc.stringMatching(/^[a-z0-9][a-z0-9.!+ -]{0,12}$/)

test('lines stand sorted, each once, in whatever order they came', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (lines) => {
      let row: Uint8Array | undefined
      for (const one of lines) row = insertLine(row, textBytes(one))
      expect(linesOf(bytesText(row!))).toEqual([...new Set(lines)].sort())
    })
  )
})

test('a line that is there already leaves the very same row', () => {
  const row = insertLine(insertLine(undefined, textBytes('1.10')), textBytes('1.1'))
  expect(insertLine(row, textBytes('1.1'))).toBe(row)
  expect(bytesText(row)).toBe('1.1\n1.10')
})

test('text beyond ASCII becomes UTF-8', () => {
  expect(bytesText(textBytes('größer'))).toBe('größer')
})
