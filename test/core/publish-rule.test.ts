import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { publish, type PublishGates, type Vote } from '../../src/core/publish-rule.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aResult } from '../support/make-record.ts'

const gates: PublishGates = {
  sdists: new Set([sha256Hex('sdist')]),
  retracted: new Set(),
  skipped: false,
  quorum: 2
}

function aVote(
  over: Partial<Omit<Vote, 'record'>> & { readonly bytes?: string; readonly term?: number } = {}
): Vote {
  const { bytes = 'wheel', term = 1, ...rest } = over
  const record = aResult()
  return {
    author: signerOf('pi1').nodeId,
    level: 'trusted',
    recordId: 'r1',
    ...rest,
    record: {
      ...record,
      fence: { ...record.fence, term },
      wheel: { ...record.wheel!, sha256: sha256Hex(bytes) }
    }
  }
}

const listed = (votes: readonly Vote[], over: Partial<PublishGates> = {}): readonly string[] =>
  publish(votes, { ...gates, ...over }).map(({ wheel, channel }) => `${channel} ${wheel.sha256.slice(0, 8)}`)
const short = (bytes: string): string => sha256Hex(bytes).slice(0, 8)

test('a trusted builder’s wheel is stable', () => {
  expect(listed([aVote()])).toEqual([`stable ${short('wheel')}`])
})

test('one member alone is testing, two that agree are stable', () => {
  const one = aVote({ level: 'member' })
  const two = aVote({ level: 'member', author: signerOf('pi2').nodeId, recordId: 'r2' })
  expect(listed([one])).toEqual([`testing ${short('wheel')}`])
  expect(listed([one, two])).toEqual([`stable ${short('wheel')}`])
})

test('one member twice is one member', () => {
  const [one, again] = [aVote({ level: 'member' }), aVote({ level: 'member', recordId: 'r2' })]
  expect(listed([one, again])).toEqual([`testing ${short('wheel')}`])
})

test('of two byte strings under one name the lower fence is listed, whatever came first', () => {
  const early = aVote({ bytes: 'a', term: 1, recordId: 'r9' })
  const late = aVote({ bytes: 'b', term: 2, recordId: 'r1' })
  expect(listed([late, early])).toEqual([`stable ${short('a')}`])
})

const closed = [
  { id: 'an sdist that upstream does not list', over: { sdists: new Set([sha256Hex('other')]) } },
  { id: 'a retracted file', over: { retracted: new Set([sha256Hex('wheel')]) } },
  { id: 'a skipped release', over: { skipped: true } }
]
test.for(closed)('not listed at all: $id', ({ over }) => {
  expect(listed([aVote()], over)).toEqual([])
})

test('not listed at all: the result of a node that is no member', () => {
  expect(listed([aVote({ level: undefined })])).toEqual([])
})

test('not listed at all: what was built without a sandbox', () => {
  const vote = aVote()
  const environment = { ...vote.record.environment, sandboxLevel: 0 }
  expect(listed([{ ...vote, record: { ...vote.record, environment } }])).toEqual([])
})

const misnamed = [
  { id: 'another project', filename: 'other-1.0-py3-none-any.whl' },
  { id: 'another version', filename: 'demo-2.0-py3-none-any.whl' },
  { id: 'another target', filename: 'demo-1.0-cp311-cp311-linux_armv6l.whl' },
  { id: 'no wheel', filename: 'demo-1.0.tar.gz' }
]
test.for(misnamed)('not listed at all: a wheel named as one of $id', ({ filename }) => {
  const vote = aVote()
  expect(
    listed([{ ...vote, record: { ...vote.record, wheel: { ...vote.record.wheel!, filename } } }])
  ).toEqual([])
})

test('the order in which results come in never matters', () => {
  const votes = [1, 2, 3, 4].map((n) =>
    aVote({ bytes: `b${n % 3}`, term: n % 2, recordId: `r${n}`, level: n < 3 ? 'member' : 'trusted' })
  )
  fc.assert(
    fc.property(fc.shuffledSubarray(votes, { minLength: votes.length }), (shuffled) => {
      expect(listed(shuffled)).toEqual(listed(votes))
    })
  )
})
