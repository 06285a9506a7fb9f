import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { MeshRecord } from '../../src/core/record.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { isEntrySigned, openEntry, openMessage, sealEntry, sealMessage } from '../../src/wire/envelope.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { readRecord } from '../../src/wire/record-codec.ts'
import { decodeCbor } from '../../src/wire/cbor.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aGenesis, aResult, aWant } from '../support/make-record.ts'

const signer = signerOf('author')
const verifier = createVerifier()
const { meshId } = sealGenesis(aGenesis())
const draft = (records: readonly MeshRecord[]) =>
  ({ meshId, incarnation: '0000000000000000', seq: 1, prev: '', records }) as const

test('an entry comes back as it was signed, and its signature holds', () => {
  const sealed = sealEntry(signer, draft([aWant(), aResult()]))
  const entry = openEntry(sealed.bytes)
  expect(entry).toMatchObject({ meshId, node: signer.nodeId, seq: 1, prev: '', hash: sealed.hash })
  expect(entry.records).toEqual([aWant(), aResult()])
  expect(isEntrySigned(verifier, entry, sealed.bytes)).toBe(true)
})

test('any flipped bit is either malformed or unsigned', () => {
  const { bytes } = sealEntry(signer, draft([aWant()]))
  fc.assert(
    fc.property(fc.nat(bytes.byteLength * 8 - 1), (bit) => {
      const broken = Uint8Array.from(bytes)
      broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      let signed = false
      try {
        signed = isEntrySigned(verifier, openEntry(broken), broken)
      } catch (error) {
        expect(error).toMatchObject({ name: 'WireError' })
      }
      expect(signed).toBe(false)
    }),
    { numRuns: 300 }
  )
})

test('a signature for one purpose does not serve another', () => {
  const message = sealMessage(signer, 'commonwheel/1/presence', { slots: 1 })
  expect(openMessage(verifier, 'commonwheel/1/presence', message, 1000)).toMatchObject({
    slots: 1,
    from: signer.nodeId
  })
  expect(() => openMessage(verifier, 'commonwheel/1/beat', message, 1000)).toThrow(
    expect.objectContaining({ code: 'WIRE_BAD_SIGNATURE' })
  )
})

test('a record of an unknown kind is kept as unknown', () => {
  const bytes = sealEntry(
    signer,
    draft([{ kind: 'from-the-future', x: [1, 2] } as unknown as MeshRecord])
  ).bytes
  expect(openEntry(bytes).records).toEqual([{ kind: 'unknown', name: 'from-the-future' }])
})

test('an entry that would not fit is refused before it is told', () => {
  const huge = aWant({
    specs: Array.from({ length: 400 }, () => ({ project: 'p'.repeat(190) as never, specifier: '' }))
  })
  expect(() => sealEntry(signer, draft([huge]))).toThrow(expect.objectContaining({ code: 'WIRE_TOO_LARGE' }))
})

describe('shape', () => {
  const broken = [
    { id: 'a result with neither wheel nor failure', record: { ...aResult(), wheel: undefined } },
    { id: 'a negative duration', record: { ...aResult(), durationMs: -1 } },
    { id: 'a term of 2^53', record: { ...aResult(), fence: { ...aResult().fence, term: 2 ** 53 } } },
    {
      id: 'a path for a file name',
      record: { ...aResult(), sdist: { ...aResult().sdist, filename: '../x' } }
    },
    { id: 'a wheel of 2 TiB', record: { ...aResult(), log: { ...aResult().log, size: 2 ** 41 } } },
    { id: 'specs that are no list', record: { ...aWant(), specs: {} } },
    { id: 'a project name with a slash', record: { ...aWant(), specs: [{ project: 'a/b', specifier: '' }] } },
    { id: 'kind __proto__', record: { kind: 7 } },
    { id: 'no map', record: 'want' }
  ]
  test.for(broken)('refused: $id', ({ record }) => {
    const value = decodeCbor(encodeCbor(JSON.parse(JSON.stringify(record))), { maxBytes: 65_536 })
    expect(() => readRecord(value)).toThrow(expect.objectContaining({ code: 'WIRE_MALFORMED' }))
  })

  test.for(['__proto__', 'constructor', 'toString'])('a kind named %s is only unknown', (kind) => {
    expect(readRecord({ kind })).toEqual({ kind: 'unknown', name: kind })
  })
})
