import { expect, test } from 'vitest'
import { feedKey } from '../../src/core/feed-heads.ts'
import { MAX_SYNC_PROBES } from '../../src/gossip/gossip-limits.ts'
import type { SyncSource } from '../../src/gossip/sync-ports.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { FakeLedger } from './fake-ledger.ts'
import { eventually, startMesh, type TestNode } from './mesh.ts'
import { noise } from './memory-blobs.ts'
import { serveFrom, sourceOf, startPair, type Pair } from './sync-peers.ts'

const ada = signerOf('ada').nodeId
const bob = signerOf('bob').nodeId
const FEED = { node: ada, incarnation: '0'.repeat(16) }

/** Writes entries of which the first `common` are the same everywhere, and the others by the word. */
function write(ledger: FakeLedger, common: number, others: number, word: number): void {
  for (let i = 1; i <= common; i++) ledger.append(ada, noise(20, i))
  for (let i = 1; i <= others; i++) ledger.append(ada, noise(20, word * 1_000_000 + i))
}

function heldOf({ ledger }: { readonly ledger: FakeLedger }): readonly [number, number | undefined] {
  return [ledger.entries.get(feedKey(FEED))?.length ?? 0, ledger.cuts.get(feedKey(FEED))?.seq]
}

test.for([
  { id: 'two histories of the same length', common: 3, ours: 2, theirs: 2 },
  { id: 'theirs is longer', common: 3, ours: 2, theirs: 40 },
  { id: 'ours is longer', common: 3, ours: 40, theirs: 2 },
  { id: 'they part at the first entry', common: 0, ours: 7, theirs: 9 },
  { id: 'they part at the last entry', common: 300, ours: 1, theirs: 1 },
  { id: 'they part long ago', common: 100, ours: 2_000, theirs: 1_990 }
])('$id: both sides cut the feed at the first difference', async ({ common, ours, theirs }) => {
  const [one, two] = (await startMesh(['one', 'two'])) as [TestNode, TestNode]
  await eventually(() => [one, two].every(({ ledger }) => ledger.headsAsked >= 2), true)
  write(one.ledger, common, ours, 1)
  write(two.ledger, common, theirs, 2)
  for (let i = 1; i <= 4; i++) two.ledger.append(bob, noise(20, i))
  one.network.gapSeen(two.id)
  two.network.gapSeen(one.id)
  const cut = [common, common + 1]
  await eventually(() => [heldOf(one), heldOf(two)], [cut, cut])
  // the feeds of others are not in its way
  await eventually(() => one.ledger.entries.get(feedKey({ ...FEED, node: bob }))?.length, 4)
})

test('who never met the fork learns of it from the proof alone, and passes it on', async () => {
  const nodes = (await startMesh(['one', 'two', 'three'])) as [TestNode, TestNode, TestNode]
  const [one, two, three] = nodes
  await eventually(() => nodes.every(({ ledger }) => ledger.headsAsked >= 2), true)
  write(two.ledger, 5, 0, 0)
  write(three.ledger, 5, 0, 0)
  write(one.ledger, 2, 0, 0)
  // one has seen the two entries and cut the feed; nobody else has the second history
  const other = new FakeLedger()
  write(other, 2, 1, 9)
  const [, , theirs] = other.entries.get(feedKey(FEED)) ?? []
  one.ledger.append(ada, noise(20, 3))
  await one.ledger.admitRange([{ bytes: theirs?.bytes ?? new Uint8Array() }])
  expect(heldOf(one)).toEqual([2, 3])
  two.network.gapSeen(one.id)
  await eventually(() => heldOf(two), [2, 3])
  three.network.gapSeen(one.id)
  await eventually(() => heldOf(three), [2, 3])
})

test('of two proofs the earlier place wins, whichever came first', async () => {
  const [one, two] = (await startMesh(['one', 'two'])) as [TestNode, TestNode]
  await eventually(() => [one, two].every(({ ledger }) => ledger.headsAsked >= 2), true)
  for (const [node, common] of [
    [one, 6],
    [two, 3]
  ] as const) {
    write(node.ledger, 8, 0, 0)
    const other = new FakeLedger()
    write(other, common, 1, 9)
    const second = other.entries.get(feedKey(FEED))?.at(-1)
    await node.ledger.admitRange([{ bytes: second?.bytes ?? new Uint8Array() }])
  }
  expect([heldOf(one), heldOf(two)]).toEqual([
    [6, 7],
    [3, 4]
  ])
  two.network.gapSeen(one.id)
  await eventually(
    () => [heldOf(one), heldOf(two)],
    [
      [3, 4],
      [3, 4]
    ]
  )
})

test('entries before a cut are still fetched, and none from the cut on', async () => {
  const pair = await startPair()
  const theirs = new FakeLedger()
  write(theirs, 10, 0, 0)
  await serveFrom(pair.rude, theirs)
  write(pair.node.ledger, 2, 0, 0)
  pair.node.ledger.cuts.set(feedKey(FEED), {
    ...FEED,
    seq: 8,
    first: new Uint8Array(1),
    second: new Uint8Array(2)
  })
  expect(await pair.pull()).toMatchObject({ accepted: 5 })
  expect(heldOf(pair.node)).toEqual([7, 8])
  expect(pair.blamed).toEqual([])
})

test('ten thousand entries are searched with few questions', async () => {
  const pair = await startPair()
  const theirs = new FakeLedger()
  write(theirs, 4_321, 5_679, 2)
  write(pair.node.ledger, 4_321, 5_679, 1)
  const looked = await pullCounted(pair, theirs)
  expect(heldOf(pair.node)).toEqual([4_321, 4_322])
  // 32 places a question: three questions for 10,000 entries, and one entry at the end
  expect(looked).toBeLessThanOrEqual(4 * MAX_SYNC_PROBES)
})

/** How many ranges the peer had to read. */
async function pullCounted(pair: Pair, theirs: FakeLedger): Promise<number> {
  let looked = 0
  const source: SyncSource = {
    ...sourceOf(theirs),
    range(feed, fromSeq, toSeq) {
      looked += 1
      return theirs.range(feed, fromSeq, toSeq)
    }
  }
  await serveFrom(pair.rude, source)
  await pair.pull()
  return looked
}

test('a peer that lies about its hashes leads nowhere: what it serves there is what we hold', async () => {
  const pair = await startPair()
  const theirs = new FakeLedger()
  write(theirs, 50, 0, 0)
  write(pair.node.ledger, 50, 0, 0)
  await serveFrom(pair.rude, {
    heads: () =>
      theirs.heads().map((head) => ({ ...head, hash: head.hash.replace(/^./, 'f') as typeof head.hash })),
    async *range(feed, fromSeq, toSeq) {
      for await (const entry of theirs.range(feed, fromSeq, toSeq)) {
        yield { ...entry, hash: entry.hash.replace(/^./, 'f') as typeof entry.hash }
      }
    },
    admitRange: (range) => theirs.admitRange(range),
    proofs: () => [],
    proof: async () => undefined,
    admitProof: async () => 'known'
  })
  await pair.pull()
  expect(heldOf(pair.node)).toEqual([50, undefined])
})
