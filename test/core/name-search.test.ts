import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NameSearch } from '../../src/core/name-search.ts'

const NAMES = [
  'flask',
  'num2words',
  'numba',
  'numpy',
  'numpy-stl',
  'pynum',
  'rpi-gpio',
  'scikit-num',
  'zope-interface'
]
const none = (): boolean => false

test.for([
  { query: 'num', found: ['numba', 'numpy', 'num2words', 'numpy-stl', 'scikit-num', 'pynum'] },
  { query: 'numpy', found: ['numpy', 'numpy-stl'] },
  { query: ' NumPy ', found: ['numpy', 'numpy-stl'] },
  { query: 'RPi.GPIO', found: ['rpi-gpio'] },
  { query: 'zope interface', found: ['zope-interface'] },
  { query: '', found: [] },
  { query: '\n', found: [] },
  { query: 'nothing', found: [] }
])('"$query" finds $found', ({ query, found }) => {
  expect(new NameSearch(NAMES).find(query, 10, none)).toEqual(found)
})

test('of equal fit, what the mesh has built comes first', () => {
  const found = new NameSearch(NAMES).find('num', 3, (name) => name === 'numpy-stl')
  expect(found).toEqual(['numpy-stl', 'numba', 'numpy'])
})

test('finds what a slow look at every name finds', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(fc.uniqueArray(word, { maxLength: 40 }), word, (names, query) => {
      const sorted = [...names].sort()
      const wanted = query.replaceAll(/-+/g, '-')
      const expected = sorted.filter((name) => name.includes(wanted))
      expect([...new NameSearch(sorted).find(query, 100, none)].sort()).toEqual(expected)
    })
  )
})
