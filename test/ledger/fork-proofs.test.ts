import { describe, expect, test } from 'vitest'
import { openProof, sealProof } from '../../src/wire/proof.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aResult, aWant } from '../support/make-record.ts'
import { FakeClock } from '../support/test-ports.ts'
import {
  copyOf,
  FORKED,
  forkOf,
  give,
  ledgerOf,
  startFeedNode,
  twoHistories,
  wants,
  type FeedNode,
  type Name
} from './feed-node.ts'

const clock = new FakeClock()
const eve = signerOf('eve')

const start = (name: Name): Promise<FeedNode> => startFeedNode(name, { clock })

describe('a proof', () => {
  async function aProof(): Promise<Uint8Array> {
    const witness = await start('dan')
    const [ours, theirs] = twoHistories(1, wants(1, 50), wants(1, 60))
    await give(witness, ours)
    await give(witness, theirs)
    return (await witness.ledger.proof(witness.ledger.proofs()[0]!))!
  }

  test('convinces whoever never met the author’s entries', async () => {
    const bob = await start('bob')
    expect(await bob.ledger.admitProof(await aProof())).toEqual({ kind: 'accepted' })
    expect(await bob.ledger.admitProof(await aProof())).toEqual({ kind: 'known' })
    expect(bob.state.membership.isMember(eve.nodeId)).toBe(false)
  })

  test('survives a restart, and so does what follows from it', async () => {
    const bob = await start('bob')
    const [ours] = twoHistories(1, [aResult()], [])
    await give(bob, ours)
    const proof = await aProof()
    await bob.ledger.admitProof(proof)
    const again = await startFeedNode('bob', { clock, database: await copyOf(bob.database) })
    expect(ledgerOf(again)).toEqual(ledgerOf(bob))
    expect(await again.ledger.proof(again.ledger.proofs()[0]!)).toEqual(proof)
    expect(again.state.membership.isMember(eve.nodeId)).toBe(false)
    expect(again.state.results.count()).toBe(0)
    expect(await give(again, ours.slice(1))).toBe('fork')
  })

  test.for([
    ['one entry twice', (a: Uint8Array) => sealProof(a, a)],
    ['a signature that does not hold', (a: Uint8Array, b: Uint8Array) => sealProof(a, flipped(b, 3))],
    [
      'another record under the signature',
      (a: Uint8Array, b: Uint8Array) => sealProof(a, flipped(b, b.length - 3))
    ],
    ['no envelopes', () => Uint8Array.of(1, 2, 3)],
    ['an empty envelope', (a: Uint8Array) => sealProof(a, new Uint8Array(0))],
    ['two entries of one history', (a: Uint8Array, _b: Uint8Array, next: Uint8Array) => sealProof(a, next)],
    [
      'entries of two authors',
      (a: Uint8Array) => sealProof(a, forkOf(signerOf('dan'), FORKED, undefined, aWant())[0]!.bytes)
    ]
  ] as const)('is refused when it is %s', async ([, spoil]) => {
    const bob = await start('bob')
    const [ours, theirs] = twoHistories(0, wants(2, 50), wants(1, 60))
    const bytes = spoil(ours[0]!.bytes, theirs[0]!.bytes, ours[1]!.bytes)
    const admission = await bob.ledger.admitProof(bytes)
    expect(admission.kind).toBe('refused')
    expect(bob.ledger.proofs()).toEqual([])
    expect(bob.state.membership.isMember(eve.nodeId)).toBe(true)
  })

  test('of a node that nobody let in is not kept: anybody could make such proofs without end', async () => {
    const stranger = signerOf('stranger')
    const [one, two] = [aWant(), aResult()].map((record) => forkOf(stranger, FORKED, undefined, record)[0]!)
    const bob = await start('bob')
    const admission = await bob.ledger.admitProof(sealProof(one!.bytes, two!.bytes))
    expect(admission.kind).toBe('not-a-member')
    expect(bob.ledger.proofs()).toEqual([])
  })

  test('for an earlier place takes the place of one for a later', async () => {
    const [ours, theirs] = twoHistories(1, wants(5, 50), wants(5, 60))
    const bob = await start('bob')
    await give(bob, ours)
    await bob.ledger.admitProof(sealProof(ours[4]!.bytes, theirs[4]!.bytes))
    expect(bob.ledger.proofs()).toMatchObject([{ seq: 4 }])
    await bob.ledger.admitProof(sealProof(ours[1]!.bytes, theirs[1]!.bytes))
    expect(bob.ledger.proofs()).toMatchObject([{ seq: 2 }])
    expect(bob.ledger.heads()).toMatchObject([{ seq: 1 }])
    expect(await bob.ledger.admitProof(sealProof(ours[2]!.bytes, theirs[2]!.bytes))).toEqual({
      kind: 'known'
    })
    const [first, second] = openProof((await bob.ledger.proof(ours[0]!))!)
    expect([first, second]).toEqual([ours[1]!.bytes, theirs[1]!.bytes])
  })

  test('that comes before the entries is held against them as they come', async () => {
    const [ours, theirs] = twoHistories(1, wants(4, 50), wants(4, 60))
    const bob = await start('bob')
    // the two part at 2; all that bob is told is that they differ at 4
    await bob.ledger.admitProof(sealProof(ours[3]!.bytes, theirs[3]!.bytes))
    await give(bob, ours)
    expect(bob.ledger.proofs()).toMatchObject([{ seq: 3 }])
    expect(bob.ledger.heads()).toMatchObject([{ seq: 2 }])
  })
})

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
