import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { NodeId } from '../../src/core/ids.ts'
import type { FeedHead, StoredEntry } from '../../src/core/ports.ts'
import { MAX_SYNC_FEEDS, MAX_SYNC_WANTS, SYNC_PAGES_AHEAD } from '../../src/gossip/gossip-limits.ts'
import { MAX_SYNC_FRAME_BYTES } from '../../src/core/limits.ts'
import type { SyncSource } from '../../src/gossip/sync-ports.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { FakeLedger } from './fake-ledger.ts'
import { noise } from './memory-blobs.ts'
import { countTraffic, serveFrom, sourceOf, startPair, type Pair } from './sync-peers.ts'

const ada = signerOf('ada').nodeId
const ZEROS = '0'.repeat(16)
const ENTRY = noise(300, 1)

/** Base58 has no zero: digits of base 9, each one up. */
function nodeOf(number: number): NodeId {
  const digits = number.toString(9).replace(/./g, (digit) => String(Number(digit) + 1))
  return `12D3KooW${digits.padStart(44, '1')}` as NodeId
}

function numberOf(node: NodeId): number {
  const digits = node.slice(8).replace(/./g, (digit) => String(Number(digit) - 1))
  return Number.parseInt(digits, 9)
}

/** Feeds of one entry each, without the entries' own rules: only counts and heads. */
class CountingSource implements SyncSource {
  readonly #heads = new Map<NodeId, FeedHead>()
  /** Entries of the largest range that was handed in, and of all. */
  largest = 0
  admitted = 0

  constructor(feeds: number) {
    for (let number = 0; number < feeds; number++) this.set(number, 1)
  }

  set(number: number, seq: number): void {
    const node = nodeOf(number)
    this.#heads.set(node, { node, incarnation: ZEROS, seq, hash: sha256Hex(`${number} ${seq}`) })
  }

  heads(): readonly FeedHead[] {
    return [...this.#heads.values()]
  }

  async *range({ node, incarnation }: FeedHead, fromSeq: number, toSeq: number): AsyncIterable<StoredEntry> {
    const last = Math.min(toSeq, this.#heads.get(node)?.seq ?? 0)
    for (let seq = fromSeq; seq <= last; seq++) {
      const number = numberOf(node)
      const bytes = new TextEncoder().encode(`${number} ${seq} ${ENTRY.join('')}`.slice(0, 300))
      yield { node, incarnation, seq, hash: sha256Hex(`${number} ${seq}`), bytes }
    }
  }

  async admitRange(
    entries: readonly { readonly bytes: Uint8Array }[]
  ): Promise<{ readonly accepted: number }> {
    this.largest = Math.max(this.largest, entries.length)
    for (const { bytes } of entries) {
      const [number, seq] = new TextDecoder().decode(bytes).split(' ')
      this.set(Number(number), Number(seq))
      this.admitted += 1
    }
    return { accepted: entries.length }
  }

  proofs(): readonly never[] {
    return []
  }

  async proof(): Promise<undefined> {
    return undefined
  }

  async admitProof(): Promise<'known'> {
    return 'known'
  }
}

async function aPair(theirs: SyncSource): Promise<Pair> {
  const pair = await startPair()
  await serveFrom(pair.rude, theirs)
  return pair
}

test('20,000 feeds are compared and fetched', { timeout: 60_000 }, async () => {
  const theirs = new CountingSource(MAX_SYNC_FEEDS)
  const pair = await aPair(theirs)
  const ours = new CountingSource(0)
  expect(await pair.pull({ source: ours })).toMatchObject({ accepted: MAX_SYNC_FEEDS })
  expect(await pair.pull({ source: ours })).toMatchObject({ accepted: 0, wasSame: true })
  expect(pair.blamed).toEqual([])
})

test('beyond 20,000 feeds the rest comes with the next pull', { timeout: 60_000 }, async () => {
  const theirs = new CountingSource(MAX_SYNC_FEEDS + 300)
  const pair = await aPair(theirs)
  const ours = new CountingSource(0)
  expect(await pair.pull({ source: ours })).toMatchObject({ accepted: MAX_SYNC_FEEDS })
  expect(await pair.pull({ source: ours })).toMatchObject({ accepted: 300 })
  expect(await pair.pull({ source: ours })).toMatchObject({ wasSame: true })
})

test('one new entry among 20,000 feeds: a question of 2 KiB, an answer with one bucket', async () => {
  const theirs = new CountingSource(MAX_SYNC_FEEDS)
  const pair = await startPair()
  const ours = new CountingSource(MAX_SYNC_FEEDS)
  const traffic = await countTraffic(pair, theirs)
  theirs.set(7_777, 2)
  expect(await pair.pull({ source: ours })).toMatchObject({ accepted: 1 })
  expect(traffic.questions).toEqual(['heads', 'range'])
  expect(traffic.received).toBeLessThan(4 * 1024)
  expect(traffic.sent).toBeLessThan(20 * 1024)
})

test('100 new entries of a few feeds cost two questions and hardly more bytes than themselves', async () => {
  const pair = await startPair()
  const [theirs, ours] = [new FakeLedger(), new FakeLedger()]
  for (let feed = 0; feed < 20; feed++) {
    for (const ledger of [theirs, ours]) {
      for (let i = 0; i < 50; i++) ledger.append(ada, noise(20, i + 1), feed.toString(16).padStart(16, '0'))
    }
  }
  let bytes = 0
  for (let i = 0; i < 100; i++) {
    bytes += theirs.append(ada, noise(500, i + 1), (i % 5).toString(16).padStart(16, '0')).byteLength
  }
  const traffic = await countTraffic(pair, theirs)
  expect(await pair.pull({ source: ours })).toMatchObject({ accepted: 100 })
  expect(traffic.questions).toEqual(['heads', 'range'])
  expect(traffic.sent + traffic.received - bytes).toBeLessThan(8 * 1024)
})

test('a slow ledger holds the sender back: no more is read ahead than a few pages', async () => {
  const theirs = new FakeLedger()
  for (let i = 0; i < 400; i++) theirs.append(ada, noise(50_000, i + 1))
  let read = 0
  const pair = await startPair()
  await serveFrom(pair.rude, {
    ...sourceOf(theirs),
    async *range(feed, fromSeq, toSeq) {
      for await (const entry of theirs.range(feed, fromSeq, toSeq)) {
        read += entry.bytes.byteLength
        yield entry
      }
    }
  })
  let admitted = 0
  const ahead: number[] = []
  const source: SyncSource = {
    ...sourceOf(pair.node.ledger),
    async admitRange(range) {
      // long enough for everything that is going to come meanwhile
      await new Promise((resolve) => setTimeout(resolve, 20))
      ahead.push(read - admitted)
      for (const { bytes } of range) admitted += bytes.byteLength
      return pair.node.ledger.admitRange(range)
    }
  }
  expect(await pair.pull({ source })).toMatchObject({ accepted: 400 })
  // the pages that were asked for, the one in the ledger, the one decoded, and the one that the sender prepares
  expect(Math.max(...ahead)).toBeLessThanOrEqual((SYNC_PAGES_AHEAD + 3) * MAX_SYNC_FRAME_BYTES)
})

test('what stops being wanted in the middle stops being sent', async () => {
  const theirs = new FakeLedger()
  const bob = signerOf('bob').nodeId
  for (let i = 0; i < 300; i++) theirs.append(bob, noise(50_000, i + 1))
  for (let i = 0; i < 5; i++) theirs.append(ada, noise(50_000, i + 1))
  const pair = await startPair()
  const traffic = await countTraffic(pair, theirs)
  pair.node.ledger.refusedNodes.add(bob)
  expect(await pair.pull()).toMatchObject({ accepted: 5 })
  // of 15 MB of the refused feed a few pages in each pass
  expect(traffic.sent).toBeLessThan(2 * (SYNC_PAGES_AHEAD + 4) * MAX_SYNC_FRAME_BYTES)
})

test('a question names no more than the wants that one frame holds', () => {
  // 256 wants of the longest seqs: what a server has to keep of a question
  expect(MAX_SYNC_WANTS * 90).toBeLessThan(MAX_SYNC_FRAME_BYTES)
})
