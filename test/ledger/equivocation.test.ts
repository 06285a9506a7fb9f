import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { feedKey } from '../../src/core/feed-heads.ts'
import type { StoredEntry } from '../../src/core/ports.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import { verdictOf } from '../../src/ledger/ledger.ts'
import { makeTicket, proveJoin } from '../../src/wire/invite.ts'
import { sealEntry } from '../../src/wire/envelope.ts'
import { collect } from '../support/collect.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aResult, aWant } from '../support/make-record.ts'
import { FakeClock } from '../support/test-ports.ts'
import {
  feedsOf,
  FORKED,
  forkOf,
  give,
  ledgerOf,
  MESH,
  pull,
  settleAll,
  startFeedNode,
  twoHistories,
  wants,
  type FeedNode,
  type Name
} from './feed-node.ts'

const clock = new FakeClock()
const eve = signerOf('eve')

const start = (name: Name): Promise<FeedNode> => startFeedNode(name, { clock })

async function write({ ledger }: FeedNode, ...records: readonly MeshRecord[]): Promise<void> {
  const written = ledger.append(...records)
  await clock.advance(200)
  await written
}

async function everyEntry(node: FeedNode): Promise<readonly string[]> {
  const all: string[] = []
  for (const head of node.ledger.heads())
    for (const { seq, hash } of await collect(node.ledger.range(head, 1)))
      all.push(`${feedKey(head)} ${seq} ${hash}`)
  return all.sort()
}

describe('a second history', () => {
  test('cuts the feed where the two part, with all that was made of the rest, and ends a membership', async () => {
    const bob = await start('bob')
    const [ours, theirs] = twoHistories(2, [aWant({ createdMs: 50 }), aResult()], [aWant({ createdMs: 60 })])
    expect(await give(bob, ours)).toBe('accepted')
    expect([bob.state.results.count(), bob.state.membership.isMember(eve.nodeId)]).toEqual([1, true])
    const admission = await bob.ledger.admit(theirs[2]!.bytes)
    expect([admission.kind, verdictOf(admission)]).toEqual(['fork', 'ignore'])
    expect(bob.ledger.heads()).toMatchObject([{ node: eve.nodeId, seq: 2, hash: ours[1]!.hash }])
    expect(bob.ledger.proofs()).toEqual([{ node: eve.nodeId, incarnation: FORKED, seq: 3 }])
    expect(bob.state.results.count()).toBe(0)
    expect([...bob.state.wishes.wants()].map(([, { createdMs }]) => createdMs).sort()).toEqual([0, 1])
    expect(bob.ledger.entryCount()).toBe(2)
    const { membership } = bob.state
    expect(membership.isMember(eve.nodeId)).toBe(false)
    expect(membership.levelOf(eve.nodeId)).toBeUndefined()
    expect(membership.wasAdmitted(eve.nodeId)).toBe(true)
  })

  test('is not followed, neither of the two, and what came before may still come', async () => {
    const bob = await start('bob')
    const [ours, theirs] = twoHistories(3, wants(2, 50), wants(2, 60))
    await give(bob, ours)
    await give(bob, [theirs[3]!])
    expect(await give(bob, [ours[3]!])).toBe('fork')
    expect(await give(bob, [theirs[4]!])).toBe('fork')
    const cleo = await start('cleo')
    await cleo.ledger.admitProof((await bob.ledger.proof(bob.ledger.proofs()[0]!))!)
    expect(await give(cleo, ours)).toBe('accepted')
    expect(ledgerOf(cleo)).toEqual(ledgerOf(bob))
  })

  test('shows in an entry that names another predecessor, without the predecessor itself', async () => {
    const bob = await start('bob')
    const [ours, theirs] = twoHistories(1, wants(2, 50), wants(3, 60))
    await give(bob, ours)
    expect(await give(bob, theirs.slice(3))).toBe('fork')
    expect(bob.ledger.proofs()).toMatchObject([{ seq: 3 }])
    expect(bob.ledger.heads()).toMatchObject([{ seq: 2 }])
  })

  test('may begin with the feed itself', async () => {
    const bob = await start('bob')
    const [ours, theirs] = twoHistories(0, wants(3, 50), wants(1, 60))
    await give(bob, ours)
    await give(bob, theirs)
    expect(bob.ledger.proofs()).toMatchObject([{ seq: 1 }])
    expect(bob.ledger.heads()).toEqual([])
    expect(bob.ledger.entryCount()).toBe(0)
  })

  test('that nobody signed changes nothing', async () => {
    const bob = await start('bob')
    const [ours] = twoHistories(1, wants(2, 50), [])
    await give(bob, ours)
    const forged = sealEntry(signerOf('bob'), {
      meshId: MESH.meshId,
      incarnation: FORKED,
      seq: 2,
      prev: ours[0]!.hash,
      records: [aWant()]
    })
    // bob's signature under eve's name
    const payload = ours[1]!.bytes.slice(64)
    const bytes = Uint8Array.of(...forged.bytes.slice(0, 64), ...payload)
    expect((await bob.ledger.admit(bytes)).kind).toBe('refused')
    expect(bob.ledger.proofs()).toEqual([])
    expect(bob.ledger.heads()).toMatchObject([{ seq: 3 }])
  })

  test('leaves the other feeds of its author alone, and the records of others', async () => {
    const bob = await start('bob')
    await write(bob, aWant({ createdMs: 7 }))
    const other = forkOf(eve, '0000000000000001', undefined, ...wants(2, 10))
    await give(bob, other)
    const [ours, theirs] = twoHistories(0, wants(1, 50), wants(1, 60))
    await give(bob, ours)
    await give(bob, theirs)
    expect(feedsOf(bob, eve.nodeId)).toEqual({ '0000000000000001': 2 })
    expect(await give(bob, forkOf(eve, '0000000000000001', other[1], aWant()))).toBe('accepted')
    expect(Object.values(feedsOf(bob))).toEqual([1])
  })
})

test('a full disk at the moment of the cut: nothing is cut by halves, and the next try cuts', async () => {
  const bob = await start('bob')
  const [ours, theirs] = twoHistories(1, wants(2, 50), wants(1, 60))
  await give(bob, ours)
  const cut = bob.store.cut.bind(bob.store)
  bob.store.cut = async () => {
    throw new Error('the card is broken')
  }
  await expect(give(bob, theirs)).rejects.toThrow('the card is broken')
  expect(bob.ledger.proofs()).toEqual([])
  expect(bob.ledger.heads()).toMatchObject([{ seq: 3 }])
  expect(bob.state.membership.isMember(eve.nodeId)).toBe(true)
  bob.store.cut = cut
  expect(await give(bob, theirs)).toBe('fork')
  expect(bob.ledger.heads()).toMatchObject([{ seq: 1 }])
})

test('a disk that takes the cut and not the new views: the author is out at once, the views follow with the next write', async () => {
  const bob = await start('bob')
  const [ours, theirs] = twoHistories(1, [aResult()], wants(1, 60))
  await give(bob, ours)
  const views = bob.state.views!
  const rebuild = views.rebuild.bind(views)
  views.rebuild = async () => {
    throw new Error('the card is broken')
  }
  await expect(give(bob, theirs)).rejects.toThrow('the card is broken')
  expect(bob.state.membership.isMember(eve.nodeId)).toBe(false)
  views.rebuild = rebuild
  await write(bob, aWant({ createdMs: 7 }))
  expect(bob.state.results.count()).toBe(0)
  expect([...bob.state.wishes.wants()].length).toBe(2)
})

describe('an author that hides its fork', () => {
  test('behind entries without a signature of their own is found out, and all ledgers end up equal', async () => {
    const [bob, cleo] = [await start('bob'), await start('cleo')]
    const [ours, honest] = twoHistories(2, wants(4, 50), wants(4, 60))
    // A chain vouches for what is before its end: eve spoils the signatures before it and chains over the spoilt bytes.
    const spoilt: StoredEntry[] = honest.slice(0, 2)
    for (const [at, record] of wants(4, 60).entries()) {
      const [sealed] = forkOf(eve, FORKED, spoilt.at(-1), record) as [StoredEntry]
      spoilt.push(at === 3 ? sealed : respelled(sealed))
    }
    await give(bob, ours)
    expect(await give(cleo, spoilt)).toBe('accepted')
    await settleAll([bob, cleo])
    expect(ledgerOf(bob)).toEqual(ledgerOf(cleo))
    expect(await everyEntry(bob)).toEqual(await everyEntry(cleo))
    expect(bob.state.membership.isMember(eve.nodeId)).toBe(false)
  })
})

test('whom a cut record had let in is let in again by whoever knew it', async () => {
  const newcomer = signerOf('newcomer').nodeId
  const terms = {
    meshId: MESH.meshId,
    uses: 1,
    expiresMs: Number.MAX_SAFE_INTEGER,
    roles: ['build'] as const,
    level: 'member' as const
  }
  const proof = proveJoin(makeTicket(signerOf('bob'), terms, new Uint8Array(32).fill(5), []), newcomer)
  const [ours, theirs] = twoHistories(1, [{ kind: 'admit', subject: newcomer, proof }], wants(1, 60))
  const bob = await start('bob')
  const cut: unknown[] = []
  bob.ledger.onFork(({ admitted }) => void cut.push(...admitted.map(({ subject }) => subject)))
  await give(bob, ours)
  expect(bob.state.membership.isMember(newcomer)).toBe(true)
  await give(bob, theirs)
  expect([bob.state.membership.isMember(newcomer), cut]).toEqual([false, [newcomer]])
})

test('five nodes of which each met another part of two long histories end up with the same ledger', async () => {
  const nodes = await Promise.all((['ada', 'bob', 'cleo', 'dan'] as const).map(start))
  const [ours, theirs] = twoHistories(20, wants(40, 100), wants(60, 200))
  for (const [at, node] of nodes.entries()) await write(node, aWant({ createdMs: 1_000 + at }))
  await give(nodes[0]!, ours)
  await give(nodes[1]!, theirs)
  await give(nodes[2]!, ours.slice(0, 15))
  await settleAll(nodes)
  for (const node of nodes) {
    expect(ledgerOf(node)).toEqual(ledgerOf(nodes[0]!))
    expect(await everyEntry(node)).toEqual(await everyEntry(nodes[0]!))
    expect(node.state.membership.isMember(eve.nodeId)).toBe(false)
    expect([...node.state.wishes.wants()].length).toBe(20 + 4)
  }
  expect(nodes[0]!.ledger.proofs()).toEqual([{ node: eve.nodeId, incarnation: FORKED, seq: 21 }])
})

test('a node that finds itself convicted signs nothing more in that feed', async () => {
  const [ada, bob] = [await start('ada'), await start('bob')]
  await write(ada, aWant({ createdMs: 1 }))
  await write(ada, aWant({ createdMs: 2 }))
  await pull(bob, ada)
  const [head] = ada.ledger.heads()
  const [first] = await collect(ada.ledger.range(head!, 1))
  const [other] = forkOf(ada.signer, head!.incarnation, first, aWant({ createdMs: 9 }))
  await bob.ledger.admit(other!.bytes)
  await pull(ada, bob)
  expect(ada.ledger.heads()).toMatchObject([{ seq: 1 }])
  await write(ada, aWant({ createdMs: 3 }))
  expect(Object.values(feedsOf(ada))).toEqual([1, 1])
  expect(feedsOf(ada)[head!.incarnation]).toBe(1)
})

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

/** The same entry with a signature that does not hold, and so with another hash. */
function respelled(entry: StoredEntry): StoredEntry {
  return { ...entry, ...hashed(flipped(entry.bytes, 5)) }
}

function hashed(bytes: Uint8Array): Pick<StoredEntry, 'bytes' | 'hash'> {
  return { bytes, hash: sha256Hex(bytes) }
}
