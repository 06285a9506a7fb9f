import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { acceptsGzip, chooseType } from '../../src/http/negotiate.ts'

const JSON_V1 = 'application/vnd.pypi.simple.v1+json'
const HTML_V1 = 'application/vnd.pypi.simple.v1+html'
const OFFERS = ['text/html', JSON_V1, HTML_V1] as const

describe('chooseType', () => {
  const cases: { id: string; accept: string | undefined; type: string }[] = [
    { id: 'no header', accept: undefined, type: 'text/html' },
    { id: 'an empty header', accept: '', type: 'text/html' },
    { id: 'anything', accept: '*/*', type: 'text/html' },
    { id: 'pip', accept: `${JSON_V1}, ${HTML_V1}; q=0.1, text/html; q=0.01`, type: JSON_V1 },
    { id: 'uv', accept: `${JSON_V1}, ${HTML_V1};q=0.2, text/html;q=0.01`, type: JSON_V1 },
    { id: 'pip before 22.2', accept: 'text/html', type: 'text/html' },
    {
      id: 'a browser',
      accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
      type: 'text/html'
    },
    { id: 'json last but best', accept: `text/html;q=0.3, ${JSON_V1};q=0.31`, type: JSON_V1 },
    { id: 'json excluded', accept: `${JSON_V1};q=0, */*`, type: 'text/html' },
    { id: 'html excluded', accept: 'text/html;q=0, */*;q=0.1', type: JSON_V1 },
    { id: 'a group', accept: 'application/*', type: JSON_V1 },
    {
      id: 'the specific beats the group',
      accept: `application/*, ${JSON_V1};q=0.1, ${HTML_V1};q=0.2`,
      type: HTML_V1
    },
    { id: 'upper case and blanks', accept: `  ${JSON_V1.toUpperCase()} ; Q=0.5 `, type: JSON_V1 },
    { id: 'nothing we have', accept: 'image/png', type: 'text/html' },
    { id: 'a version we do not have', accept: 'application/vnd.pypi.simple.v2+json', type: 'text/html' },
    { id: 'a quality that is none', accept: `${JSON_V1};q=high, ${HTML_V1};q=0.1`, type: HTML_V1 },
    { id: 'a quality above 1', accept: `${JSON_V1};q=5, ${HTML_V1};q=0.1`, type: HTML_V1 },
    { id: 'other parameters', accept: `${JSON_V1};charset=utf-8;q=0.9, text/html;q=0.8`, type: JSON_V1 }
  ]
  test.for(cases)('$id', ({ accept, type }) => {
    expect(chooseType(accept, OFFERS)).toBe(type)
  })

  test('any header at all gives one of the offers', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), (accept) => {
        expect(OFFERS).toContain(chooseType(accept, OFFERS))
      })
    )
  })

  test('the highest quality wins, in whatever order they are named', () => {
    const quality = fc.integer({ min: 1, max: 1000 })
    fc.assert(
      fc.property(
        fc.uniqueArray(quality, { minLength: 3, maxLength: 3 }),
        fc.boolean(),
        (levels, reversed) => {
          const entries = OFFERS.map((type, i) => `${type};q=${((levels[i] ?? 0) / 1000).toFixed(3)}`)
          const best = OFFERS[levels.indexOf(Math.max(...levels))]
          expect(chooseType((reversed ? entries.toReversed() : entries).join(','), OFFERS)).toBe(best)
        }
      )
    )
  })
})

describe('acceptsGzip', () => {
  const cases: { accept: string | undefined; gzip: boolean }[] = [
    { accept: undefined, gzip: false },
    { accept: '', gzip: false },
    { accept: 'identity', gzip: false },
    { accept: 'gzip, deflate', gzip: true },
    { accept: 'deflate;q=1.0, gzip;q=0.5', gzip: true },
    { accept: 'gzip;q=0', gzip: false },
    { accept: 'gzip;q=0.000, *', gzip: false },
    { accept: '*', gzip: true },
    { accept: '*;q=0', gzip: false },
    { accept: 'x-gzip', gzip: true },
    { accept: 'br, zstd', gzip: false }
  ]
  test.for(cases)('$accept', ({ accept, gzip }) => {
    expect(acceptsGzip(accept)).toBe(gzip)
  })
})
