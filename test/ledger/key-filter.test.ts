import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { KeyFilter } from '../../src/ledger/key-filter.ts'

const keyOf = (number: number): string => `b${sha256Hex(`blob ${number}`).slice(0, 32)}`

test('a key that was added is never taken for a new one, over all layers', () => {
  const filter = new KeyFilter()
  // the first layer takes 49,152
  for (let number = 0; number < 120_000; number++) filter.add(keyOf(number))
  for (let number = 0; number < 120_000; number += 7) expect(filter.add(keyOf(number))).toBe(true)
})

test('few new keys are taken for old ones', () => {
  const filter = new KeyFilter()
  let mistaken = 0
  for (let number = 0; number < 120_000; number++) if (filter.add(keyOf(number))) mistaken++
  expect(mistaken / 120_000).toBeLessThan(0.03)
})
