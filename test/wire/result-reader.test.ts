import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { ResultRecord } from '../../src/core/record.ts'
import { decodeCbor, encodeCbor } from '../../src/wire/cbor.ts'
import { openEntry, openRecord, sealEntry } from '../../src/wire/envelope.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { readRecord } from '../../src/wire/record-codec.ts'
import { ResultReader } from '../../src/wire/result-reader.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aGenesis, aResult, aWant } from '../support/make-record.ts'

/*
 * A result is read in two ways: straight from its bytes when it is a plain one, else by the common decoder and its shape checks.
 * Nodes that took another set of records, or other values, would not agree: whatever the bytes, both ways must come to the same.
 */

/** What became of the bytes: a record, or the refusal. */
function outcomeOf(open: () => unknown): unknown {
  try {
    return open()
  } catch (error) {
    return { refused: String(error) }
  }
}

function byCommonDecoder(bytes: Uint8Array): unknown {
  return outcomeOf(() => readRecord(decodeCbor(bytes, { maxBytes: 1e6 })))
}

function byReader(bytes: Uint8Array): unknown {
  return outcomeOf(() => openRecord(bytes))
}

const { wheel, ...withoutWheel } = aResult()
const plain: readonly ResultRecord[] = [
  aResult(),
  aResult({ startedMs: 0, durationMs: 2 ** 40 }),
  aResult({ sdist: { filename: 'demo-1.0.tar.gz', sha256: sha256Hex('sdist') } }),
  aResult({
    wheel: { ...wheel!, pieces: sha256Hex('pieces'), aptPackages: ['libc6', 'libopenblas0-pthread'] }
  }),
  aResult({
    wheel: {
      ...wheel!,
      smoke: { outcome: 'failed', modules: 2, reason: 'demo: undefined symbol' },
      suspicious: 'it has no compiled code'
    },
    environment: { ...aResult().environment, network: ['example.org:443'] }
  })
]
// Not in the literal above: the wheel's fields in the order of a builder.
const wheelWithPieces = ({ filename, sha256, size, ...rest }: NonNullable<ResultRecord['wheel']>) => ({
  filename,
  sha256,
  size,
  pieces: sha256Hex('pieces'),
  ...rest
})

const failed = {
  ...withoutWheel,
  failure: { class: 'package', cause: 'compile-error', reason: 'gcc: Fehler – nicht übersetzbar' }
}
const others: readonly object[] = [
  failed,
  { ...aResult(), pass: 2 },
  { ...aResult(), limits: { memoryBytes: 1, diskBytes: 2, wallMs: 3 } },
  { ...aResult(), later: 'a field of a newer program' },
  { ...aResult(), ...failed },
  withoutWheel,
  { ...aResult(), job: 'Demo_Project==1.0@cp311-linux_x86_64-glibc2.36' },
  { ...aResult(), job: 'demo==1.0@no-target' },
  { ...aResult(), startedMs: -1 },
  { ...aResult(), startedMs: 1.5 },
  { ...aResult(), durationMs: 2 ** 53 },
  { ...aResult(), fence: { ...aResult().fence, holder: 'nobody' } },
  { ...aResult(), fence: { ...aResult().fence, epoch: 2 ** 41 } },
  { ...aResult(), environment: { ...aResult().environment, os: 'débian' } },
  { ...aResult(), environment: { ...aResult().environment, sandboxLevel: 4 } },
  { ...aResult(), environment: { ...aResult().environment, python: 'p'.repeat(201) } },
  { ...aResult(), log: { size: 3, sha256: sha256Hex('log') } },
  { ...aResult(), log: { sha256: sha256Hex('log').toUpperCase(), size: 3 } },
  { ...aResult(), wheel: { ...wheel!, filename: '../demo.whl' } },
  { ...aResult(), wheel: { ...wheel!, smoke: { outcome: 'perhaps', modules: 1, reason: '' } } },
  { ...aResult(), wheel: { ...wheel!, smoke: { outcome: 'ok', modules: 1_001, reason: '' } } },
  { ...aResult(), wheel: { ...wheel!, smoke: { modules: 1, outcome: 'ok', reason: '' } } },
  { ...aResult(), wheel: { ...wheel!, later: 1, suspicious: 'of a newer program' } },
  { ...aResult(), environment: { ...aResult().environment, network: [1] } },
  { ...aResult(), environment: { ...aResult().environment, network: [], later: 1 } },
  { ...aResult(), wheel: { ...wheel!, aptPackages: Array.from({ length: 201 }, () => 'p') } },
  { kind: 'result' },
  { ...aResult(), kind: 'resulx' },
  aWant()
]

test('a plain result is read without the common decoder, fields in whatever order', () => {
  for (const record of [...plain.slice(0, 3), plain[4]!, aResult({ wheel: wheelWithPieces(wheel!) })]) {
    const turned = Object.fromEntries(Object.entries(record).reverse())
    for (const bytes of [encodeCbor(record), encodeCbor(turned)])
      expect(new ResultReader(bytes).read(0)).toEqual(record)
  }
})

test('results of one entry that share their surroundings come out whole', () => {
  const { meshId } = sealGenesis(aGenesis())
  const { fence, environment } = aResult()
  const records = [
    aResult(),
    aResult({ durationMs: 9 }),
    aResult({ fence: { ...fence, term: fence.term + 1 } }),
    aWant(),
    failed as ResultRecord,
    aResult({ environment: { ...environment, requirements: [] } }),
    aResult()
  ]
  const draft = { meshId, incarnation: '0'.repeat(16), seq: 1, prev: '', records } as const
  expect(openEntry(sealEntry(signerOf('author'), draft).bytes).records).toEqual(records)
})

test('what is no plain result is what the common decoder makes of it', () => {
  for (const record of [...plain, ...others]) {
    const bytes = encodeCbor(record)
    expect(byReader(bytes)).toEqual(byCommonDecoder(bytes))
  }
})

test('whichever bytes are changed, cut off or repeated, both come to the same', () => {
  const records = [...plain, aResult({ wheel: wheelWithPieces(wheel!) }), ...others.slice(0, 5)].map(
    encodeCbor
  )
  const change = fc.record({ at: fc.nat(1_200), to: fc.integer({ min: 0, max: 255 }) })
  fc.assert(
    fc.property(
      fc.constantFrom(...records),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.option(fc.nat(1_200)),
      (record, changes, end) => {
        const bytes = Uint8Array.from(record.subarray(0, end ?? undefined))
        for (const { at, to } of changes) if (at < bytes.byteLength) bytes[at] = to
        expect(byReader(bytes)).toEqual(byCommonDecoder(bytes))
      }
    ),
    { numRuns: 5_000 }
  )
})
