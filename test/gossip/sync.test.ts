import { expect, test } from 'vitest'
import type { FeedHead } from '../../src/core/ports.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { wantsOf } from '../../src/core/feed-heads.ts'
import { pullFrom } from '../../src/gossip/sync-client.ts'
import { SyncHeads } from '../../src/gossip/sync-heads.ts'
import type { SyncSource } from '../../src/gossip/sync-ports.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { realClock } from '../support/real-clock.ts'
import { silentLog } from '../support/test-ports.ts'
import {
  befriend,
  connect,
  eventually,
  startMesh,
  startNode,
  type TestNode,
  type TestNodeOptions
} from './mesh.ts'
import { noise } from './memory-blobs.ts'

const [ada, bob, eve] = ['ada', 'bob', 'eve'].map((name) => signerOf(name).nodeId)

function pull(by: TestNode, from: TestNode): ReturnType<typeof pullFrom> {
  const source = by.ledger
  const index = new SyncHeads(source)
  const { host, blame } = by.network
  return pullFrom({ host, source, index, clock: realClock, log: silentLog, blame }, from.id)
}

/** Connected members that have finished the sessions which connecting started. */
async function quietPair(options: TestNodeOptions = {}): Promise<TestNode[]> {
  const nodes = await startMesh(['one', 'two'], options)
  await eventually(() => nodes.every(({ ledger }) => ledger.headsAsked >= 2), true)
  return nodes
}

function digestOf(source: Pick<SyncSource, 'heads' | 'proofs'>): string {
  const index = new SyncHeads(source)
  index.refresh()
  return Buffer.from(index.digest()).toString('hex')
}

function haveSame(...nodes: readonly TestNode[]): boolean {
  return new Set(nodes.map((node) => digestOf(node.ledger))).size === 1
}

test('two nodes that were apart exchange what each lacks when they connect', async () => {
  const [one, two] = [await startNode('one'), await startNode('two')]
  befriend(one, two)
  for (let i = 0; i < 50; i++) one.ledger.append(one.id)
  for (let i = 0; i < 30; i++) two.ledger.append(two.id)
  one.ledger.append(ada!)
  two.ledger.append(bob!)
  await connect(one, two)
  await eventually(() => [one.ledger.count(), two.ledger.count(), haveSame(one, two)], [82, 82, true])
})

test('a session between equals moves heads only', async () => {
  const [one, two] = await quietPair()
  expect(await pull(one!, two!)).toMatchObject({ accepted: 0, wasSame: true })
})

test('many pages: megabytes come in frames of at most 256 KiB, in order', async () => {
  const [one, two] = await quietPair()
  for (let i = 0; i < 60; i++) one!.ledger.append(one!.id, noise(50_000, i + 1))
  for (let i = 0; i < 300; i++) one!.ledger.append(ada!, noise(100, i + 1))
  await pull(two!, one!)
  expect(two!.ledger.count()).toBe(360)
  expect(haveSame(one!, two!)).toBe(true)
})

test('more feeds than one question may name', async () => {
  const [one, two] = await quietPair()
  for (let i = 0; i < 1_300; i++)
    one!.ledger.append(ada!, new Uint8Array(1), i.toString(16).padStart(16, '0'))
  await pull(two!, one!)
  expect(two!.ledger.count()).toBe(1_300)
})

test('a refused feed does not keep the others from coming', async () => {
  const [one, two] = await quietPair()
  for (let i = 0; i < 5; i++) one!.ledger.append(eve!, noise(60_000, i + 1))
  for (let i = 0; i < 5; i++) one!.ledger.append(ada!, noise(60_000, i + 1))
  two!.ledger.refusedNodes.add(eve!)
  expect(await pull(two!, one!)).toMatchObject({ accepted: 5, wasSame: false })
  two!.ledger.refusedNodes.delete(eve!)
  expect(await pull(two!, one!)).toMatchObject({ accepted: 5, wasSame: false })
})

test('a feed whose author is admitted by a later feed comes in the same session', async () => {
  const [one, two] = await quietPair()
  for (const author of [eve!, ada!, bob!]) one!.ledger.append(author)
  two!.ledger.refusedNodes.add(eve!)
  const admit = two!.ledger.admitRange.bind(two!.ledger)
  two!.ledger.admitRange = async (entries) => {
    const report = await admit(entries)
    if (two!.ledger.entries.has(`${bob!}/${'0'.repeat(16)}`)) two!.ledger.refusedNodes.delete(eve!)
    return report
  }
  expect(await pull(two!, one!)).toMatchObject({ accepted: 3 })
})

test('a pull that breaks off is taken up where it stopped', async () => {
  const [one, two] = await quietPair()
  for (let i = 0; i < 40; i++) one!.ledger.append(one!.id, noise(50_000, i + 1))
  const admit = two!.ledger.admitRange.bind(two!.ledger)
  two!.ledger.admitRange = async (entries) => {
    if (two!.ledger.count() > 10) throw new Error('disk full')
    return admit(entries)
  }
  await expect(pull(two!, one!)).rejects.toThrow('disk full')
  const before = two!.ledger.count()
  expect(before).toBeGreaterThan(0)
  two!.ledger.admitRange = admit
  expect(await pull(two!, one!)).toMatchObject({ accepted: 40 - before, wasSame: false })
})

test('the side that was pulled from pulls in turn, once', async () => {
  const [one, two] = await quietPair()
  await eventually(() => haveSame(one!, two!), true)
  two!.ledger.append(two!.id)
  await pull(two!, one!)
  await eventually(() => one!.ledger.count(), 1)
})

test('a gap that was seen in gossip is filled at once', async () => {
  const [one, two] = await quietPair()
  one!.ledger.append(one!.id)
  two!.network.gapSeen(one!.id)
  await eventually(() => two!.ledger.count(), 1)
})

test('the period alone repairs what gossip lost', async () => {
  const [one, two] = await quietPair({ syncPeriodMs: 300 })
  one!.ledger.append(one!.id)
  await eventually(() => two!.ledger.count(), 1)
})

function aHead(seq: number, hash: string, node = ada!): FeedHead {
  return { node, incarnation: '0'.repeat(16), seq, hash: sha256Hex(hash) }
}

const FEED = { node: ada!, incarnation: '0'.repeat(16) }
test.for([
  { id: 'a feed that we lack', ours: [], theirs: [aHead(3, 'c')], wants: [{ ...FEED, from: 1, to: 3 }] },
  {
    id: 'a longer feed',
    ours: [aHead(2, 'b')],
    theirs: [aHead(3, 'c')],
    wants: [{ ...FEED, from: 3, to: 3 }]
  },
  { id: 'an equal feed', ours: [aHead(3, 'c')], theirs: [aHead(3, 'c')], wants: [] },
  { id: 'a shorter feed', ours: [aHead(3, 'c')], theirs: [aHead(2, 'b')], wants: [] },
  {
    id: 'a forked head',
    ours: [aHead(3, 'c')],
    theirs: [aHead(3, 'x')],
    wants: [{ ...FEED, from: 3, to: 3 }]
  }
])('asks for $id', ({ ours, theirs, wants }) => {
  expect(wantsOf(ours, theirs)).toEqual(wants)
})

test('the digest of heads does not depend on their order', () => {
  const heads = [aHead(1, 'a'), aHead(2, 'b', bob), aHead(3, 'c', eve)]
  const digests = [heads, heads.toReversed()].map((list) => digestOf({ heads: () => list, proofs: () => [] }))
  expect(new Set(digests).size).toBe(1)
})
