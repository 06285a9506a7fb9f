import { describe, expect, test } from 'vitest'
import { formatTable, wrapWords } from '../../src/cli/table.ts'
import { durationInWords, jobInWords, plain, sizeInWords } from '../../src/cli/words.ts'

const second = 1000
const hour = 3600 * second

test.for([
  [-5, '0.0 s'],
  [340, '0.3 s'],
  [999, '0.9 s'],
  [42_900, '42 s'],
  [250 * second, '4 min 10 s'],
  [60 * second, '1 min'],
  [3 * hour + 299 * second, '3 h 4 min'],
  [51 * hour, '2 d 3 h']
] as const)('%i ms is %s', ([ms, words]) => {
  expect(durationInWords(ms)).toBe(words)
})

test.for([
  [0, '0 bytes'],
  [1_536, '1.5 KiB'],
  [5 * 1024 ** 3, '5.0 GiB']
] as const)('%i bytes are %s', ([bytes, words]) => {
  expect(sizeInWords(bytes)).toBe(words)
})

test('a job in words, whatever it is called', () => {
  expect(jobInWords('numpy==2.3.1@cp313t-linux_aarch64-glibc2.41')).toBe('numpy 2.3.1 for cp313t')
  expect(jobInWords('something else\u001b[2J')).toBe('something else [2J')
})

test('text of others cannot steer a terminal', () => {
  expect(plain('a\u001b]0;title\u0007b\r\nc\u202ed\u2028e')).toBe('a ]0;title b c d e')
})

describe('table', () => {
  const paint = (_style: string, text: string): string => text
  const rows = [
    ['a', 'one two three four five six seven eight'],
    ['bbb', '']
  ]

  test('the last column is broken at words', () => {
    expect(formatTable(['X', 'LAST'], rows, { width: 36, paint })).toEqual([
      'X    LAST',
      'a    one two three four five six',
      '     seven eight',
      'bbb'
    ])
  })

  test('where there is no room for it, it goes below its row', () => {
    expect(formatTable(['X', 'LAST'], rows, { width: 30, paint })).toEqual([
      'X    LAST',
      'a',
      '    one two three four five',
      '    six seven eight',
      'bbb'
    ])
  })

  test('a word that would be broken goes below, too', () => {
    const name = 'docopt-0.6.2-py2.py3-none-any.whl'
    expect(formatTable(['RELEASE', 'LAST'], [['a', `x ${name}`]], { width: 40, paint })).toEqual([
      'RELEASE  LAST',
      'a',
      `    x ${name}`
    ])
  })

  test('colours do not count as width', () => {
    const loud = (_style: string, text: string): string => `<<${text}>>`
    expect(formatTable(['X', 'Y'], [[{ text: 'a', style: 'red' }, 'b']], { width: 80, paint: loud })[1]).toBe(
      '<<a>>  b'
    )
  })

  test('a word longer than a line is broken where the line ends', () => {
    expect(wrapWords('ab abcdefghij k', 4)).toEqual(['ab', 'abcd', 'efgh', 'ij k'])
    expect(wrapWords('', 4)).toEqual([''])
  })
})
