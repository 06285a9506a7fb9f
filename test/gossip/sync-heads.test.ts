import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { NodeId } from '../../src/core/ids.ts'
import type { FeedHead, ForkPlace } from '../../src/core/ports.ts'
import { BUCKET_DIGEST_BYTES, SYNC_BUCKETS, SyncHeads } from '../../src/gossip/sync-heads.ts'
import { bytesToHex } from '../../src/core/hex.ts'
import { seededRandom } from '../support/seeded-random.ts'

const INCARNATION = '0'.repeat(16)

function nodeOf(number: number): NodeId {
  return `12D3KooW${String(number).padStart(44, '1')}` as NodeId
}

function aHead(number: number, seq = 1, word = 'x', incarnation = INCARNATION): FeedHead {
  return { node: nodeOf(number), incarnation, seq, hash: sha256Hex(`${number} ${seq} ${word}`) }
}

function aCut(number: number, seq: number): ForkPlace {
  return { node: nodeOf(number), incarnation: INCARNATION, seq }
}

/** What a node holds, in lists that can be changed. */
function aSource(heads: FeedHead[], proofs: ForkPlace[] = []) {
  return { list: heads, cuts: proofs, heads: () => [...heads], proofs: () => [...proofs] }
}

function indexOf(heads: FeedHead[], proofs: ForkPlace[] = []): SyncHeads {
  const index = new SyncHeads(aSource(heads, proofs))
  index.refresh()
  return index
}

function digestOf(index: SyncHeads): string {
  return bytesToHex(index.digest())
}

test.for([
  { id: 'another seq', other: [aHead(1), aHead(2, 2)], cuts: [] },
  { id: 'another hash', other: [aHead(1), aHead(2, 1, 'y')], cuts: [] },
  { id: 'another incarnation', other: [aHead(1), aHead(2, 1, 'x', '1'.repeat(16))], cuts: [] },
  { id: 'a feed more', other: [aHead(1), aHead(2), aHead(3)], cuts: [] },
  { id: 'a feed less', other: [aHead(1)], cuts: [] },
  { id: 'a feed that is cut', other: [aHead(1), aHead(2)], cuts: [aCut(2, 2)] }
])('$id gives another digest', ({ other, cuts }) => {
  expect(digestOf(indexOf(other, cuts))).not.toBe(digestOf(indexOf([aHead(1), aHead(2)])))
})

test('a feed that is cut somewhere else gives another digest', () => {
  const digests = [2, 3].map((seq) => digestOf(indexOf([aHead(1)], [aCut(1, seq)])))
  expect(new Set(digests).size).toBe(2)
})

test.for([1, 2, 3, 4, 5])('what was kept up to date equals what is made anew: random changes %i', (seed) => {
  const random = seededRandom(seed)
  const pick = (limit: number): number => Math.floor(random.float() * limit)
  const source = aSource([])
  const kept = new SyncHeads(source)
  for (let round = 0; round < 60; round++) {
    for (let change = pick(4); change >= 0; change--) {
      const number = pick(40)
      const at = source.list.findIndex(({ node }) => node === nodeOf(number))
      const action = pick(10)
      if (at < 0) source.list.push(aHead(number))
      else if (action === 0) source.list.splice(at, 1)
      else source.list[at] = aHead(number, pick(1_000) + 1)
      if (action === 1) source.cuts.push(aCut(1_000 + source.cuts.length, pick(9) + 1))
    }
    kept.refresh()
    const anew = indexOf(source.list, source.cuts)
    expect(digestOf(kept)).toBe(digestOf(anew))
    expect(bytesToHex(kept.bucketDigests())).toBe(bytesToHex(anew.bucketDigests()))
    expect(kept.feedCount()).toBe(source.list.length)
  }
})

test('one changed head among 20,000 shows in one bucket, and only its feeds are told', () => {
  const heads = Array.from({ length: 20_000 }, (_, number) => aHead(number))
  const source = aSource(heads)
  const index = new SyncHeads(source)
  index.refresh()
  const before = index.bucketDigests()
  expect(before.byteLength).toBe(SYNC_BUCKETS * BUCKET_DIGEST_BYTES)
  heads[12_345] = aHead(12_345, 2)
  index.refresh()
  const told = index.differing(before).heads
  expect(told).toContain(heads[12_345])
  // 78 of them fall into one bucket, give or take; without buckets it would be all
  expect(told.length).toBeGreaterThan(40)
  expect(told.length).toBeLessThan(130)
})

test('nothing is looked at twice while the source hands out the same heads', () => {
  const heads = Array.from({ length: 1_000 }, (_, number) => aHead(number))
  let looks = 0
  const watched = heads.map((head) => ({
    ...head,
    get hash() {
      looks += 1
      return head.hash
    }
  }))
  const index = new SyncHeads({ heads: () => watched, proofs: () => [] })
  index.refresh()
  looks = 0
  index.refresh()
  expect(looks).toBe(0)
  watched[500] = { ...watched[500]!, seq: 2 }
  index.refresh()
  expect(looks).toBeLessThan(10)
})

test('when the digests differ and no bucket does, everything is told', () => {
  const index = indexOf([aHead(1), aHead(2)])
  expect(index.differing(index.bucketDigests()).heads).toHaveLength(2)
})

test('an author with endlessly many feeds is told after all others', () => {
  const crowd = Array.from({ length: 500 }, (_, number) =>
    aHead(1, 1, 'x', number.toString(16).padStart(16, '0'))
  )
  const others = Array.from({ length: 20 }, (_, number) => aHead(number + 2))
  const told = indexOf([...crowd, ...others]).differing().heads
  expect(told.slice(-500).every(({ node }) => node === nodeOf(1))).toBe(true)
})
