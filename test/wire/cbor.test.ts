import { Encoder } from 'cbor-x'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeCbor, encodeCbor } from '../../src/wire/cbor.ts'

const limits = { maxBytes: 65_536 }
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'grapheme' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 5 }
    )
  )
})).value

test('plain data comes back as it went', () => {
  fc.assert(
    fc.property(plain, (value) => {
      const back = decodeCbor(encodeCbor(value), limits)
      expect(JSON.stringify(back)).toBe(JSON.stringify(value))
    })
  )
})

test('byte strings come back as byte strings', () => {
  expect(decodeCbor(encodeCbor({ a: Uint8Array.of(1, 2, 3) }), limits)).toEqual({ a: Uint8Array.of(1, 2, 3) })
})

const hostile = [
  {
    id: 'a bignum of 60 KB',
    bytes: Buffer.concat([Buffer.from('c259ea60', 'hex'), Buffer.alloc(60_000, 0xff)])
  },
  { id: 'a date', bytes: Buffer.from(new Encoder().encode(new Date(0))) },
  { id: 'an indefinite list', bytes: Buffer.from('9f01ff', 'hex') },
  { id: 'a map with a number for a key', bytes: Buffer.from('a10101', 'hex') },
  { id: 'a list that promises 2^32 items', bytes: Buffer.from('9affffffff', 'hex') },
  { id: 'text longer than what is there', bytes: Buffer.from('7affffffff61', 'hex') },
  { id: 'an integer beyond 2^53', bytes: Buffer.from('1bffffffffffffffff', 'hex') },
  { id: 'two items', bytes: Buffer.from('0101', 'hex') },
  { id: 'nothing', bytes: Buffer.alloc(0) },
  { id: '60,000 nested lists', bytes: Buffer.alloc(60_000, 0x81) },
  {
    id: '60,000 tiny items',
    bytes: Buffer.concat([Buffer.from('99ea60', 'hex'), Buffer.alloc(60_000, 0x00)])
  }
]
test.for(hostile)('refused: $id', ({ bytes }) => {
  expect(() => decodeCbor(bytes, limits)).toThrow(expect.objectContaining({ code: 'WIRE_MALFORMED' }))
})

test('refused before it is read: too many bytes', () => {
  expect(() => decodeCbor(Buffer.alloc(101), { maxBytes: 100 })).toThrow(
    expect.objectContaining({ code: 'WIRE_TOO_LARGE' })
  )
})

test('random bytes never do anything but decode or throw a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        decodeCbor(bytes, limits)
      } catch (error) {
        expect(error).toMatchObject({ name: 'WireError' })
      }
    }),
    { numRuns: 2_000 }
  )
})
