import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/ids.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import { createLedger, verdictOf } from '../../src/ledger/ledger.ts'
import { settledOwnFeed } from '../../src/ledger/own-feed.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealEntry } from '../../src/wire/envelope.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aGenesis, aResult, aWant } from '../support/make-record.ts'
import { FakeClock, MemoryEntryStore, silentLog } from '../support/test-ports.ts'

const { meshId } = sealGenesis(aGenesis())
const FIRST_LIFE = '0000000000000000'

function aLedger(
  name: string,
  over: { store?: MemoryEntryStore; isMember?: (node: NodeId) => boolean } = {}
) {
  const signer = signerOf(name)
  const store = over.store ?? new MemoryEntryStore()
  const clock = new FakeClock()
  const told: Uint8Array[] = []
  const bus = {
    publish: async (_topic: string, bytes: Uint8Array): Promise<number> => told.push(bytes)
  }
  const ledger = createLedger(
    {
      store,
      clock,
      bus,
      log: silentLog,
      codec: createEntryCodec(meshId, signer, createVerifier()),
      ownFeed: settledOwnFeed(FIRST_LIFE),
      wasAdmitted: over.isMember ?? (() => true)
    },
    { meshId, self: signer.nodeId }
  )
  return { ledger, store, clock, told, signer }
}

async function write(node: ReturnType<typeof aLedger>, ...records: readonly MeshRecord[]): Promise<void> {
  await Promise.all([node.ledger.append(...records), node.clock.advance(1_000)])
}

describe('own feed', () => {
  test('what is appended is stored, then told, then folded', async () => {
    const node = aLedger('a')
    const seen: number[] = []
    node.ledger.onEntry((entry) => seen.push(entry.seq))
    await write(node, aWant())
    await write(node, aResult())
    expect(seen).toEqual([1, 2])
    expect(node.told).toEqual(node.store.entries.map(({ bytes }) => bytes))
    expect(node.ledger.heads()).toMatchObject([{ node: node.signer.nodeId, seq: 2 }])
  })

  test('a burst shares entries of at most fifty records', async () => {
    const node = aLedger('a')
    await write(node, ...Array.from({ length: 120 }, () => aWant()))
    expect(node.store.entries.length).toBe(3)
  })

  test('what the disk refused is neither told nor counted, and the next write goes on', async () => {
    const node = aLedger('a')
    node.store.failNext = new Error('ENOSPC')
    await expect(write(node, aWant())).rejects.toThrow('ENOSPC')
    expect(node.told).toEqual([])
    await write(node, aWant())
    expect(node.store.entries.map(({ seq }) => seq)).toEqual([1])
  })

  test('a start goes on where the store ends', async () => {
    const first = aLedger('a')
    await write(first, aWant())
    const second = aLedger('a', { store: first.store })
    await second.ledger.load()
    await write(second, aWant())
    expect(first.store.entries.map(({ seq }) => seq)).toEqual([1, 2])
  })

  test('stop writes what waits and refuses what comes after', async () => {
    const node = aLedger('a')
    const written = node.ledger.append(aWant())
    await node.ledger.stop()
    await written
    expect(node.store.entries).toHaveLength(1)
    await expect(node.ledger.append(aWant())).rejects.toMatchObject({ code: 'LEDGER_STOPPED' })
  })
})

describe('entries from elsewhere', () => {
  async function authored(count: number): Promise<Uint8Array[]> {
    const author = aLedger('author')
    for (let i = 0; i < count; i++) await write(author, aWant({ createdMs: i }))
    return author.told
  }

  test('in order they are accepted, twice they are known', async () => {
    const [one, two] = await authored(2)
    const { ledger } = aLedger('reader')
    expect(await ledger.admit(one!)).toEqual({ kind: 'accepted' })
    expect(await ledger.admit(two!)).toEqual({ kind: 'accepted' })
    expect(await ledger.admit(one!)).toEqual({ kind: 'known' })
  })

  test('a gap is told and nothing is kept', async () => {
    const [, two] = await authored(2)
    const { ledger, store } = aLedger('reader')
    let gaps = 0
    ledger.onGap(() => gaps++)
    expect(await ledger.admit(two!)).toEqual({ kind: 'gap' })
    expect([gaps, store.entries.length]).toEqual([1, 0])
  })

  test('a range that overlaps what is held adds only the rest', async () => {
    const all = await authored(4)
    const { ledger, store } = aLedger('reader')
    await ledger.admitRange(all.slice(0, 2))
    expect(await ledger.admitRange(all)).toEqual({ kind: 'accepted' })
    expect(store.entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
  })

  test('the same entry from two peers at once is stored once', async () => {
    const [one] = await authored(1)
    const { ledger, store } = aLedger('reader')
    const kinds = await Promise.all([ledger.admit(one!), ledger.admit(one!)])
    expect(kinds.map(({ kind }) => kind)).toEqual(['accepted', 'known'])
    expect(store.entries).toHaveLength(1)
  })

  test('a stranger is not listened to', async () => {
    const [one] = await authored(1)
    const { ledger, store } = aLedger('reader', { isMember: (node) => node !== signerOf('author').nodeId })
    expect(await ledger.admit(one!)).toEqual({ kind: 'not-a-member' })
    expect(store.entries).toHaveLength(0)
  })

  test.for(['signature', 'another mesh', 'garbage', 'a hole in the chain'])('refused: %s', async (what) => {
    const all = await authored(3)
    const { ledger, store } = aLedger('reader')
    const foreign = sealEntry(signerOf('author'), {
      meshId: sealGenesis(aGenesis({ nonce: 'x' })).meshId,
      incarnation: FIRST_LIFE,
      seq: 1,
      prev: '',
      records: [aWant()]
    })
    const unsigned = Uint8Array.from(all[0]!)
    unsigned[3] = (unsigned[3] ?? 0) ^ 1
    const input = {
      signature: [unsigned],
      'another mesh': [foreign.bytes],
      garbage: [Uint8Array.of(1, 2, 3)],
      'a hole in the chain': [all[0]!, all[2]!]
    }[what]
    const admission = await ledger.admitRange(input!)
    expect(admission.kind).toBe('refused')
    expect(verdictOf(admission)).toBe('reject')
    expect(store.entries).toHaveLength(0)
  })

  test('an author who signs two entries for one place is followed no more', async () => {
    const [one] = await authored(1)
    const { ledger } = aLedger('reader')
    await ledger.admit(one!)
    const fork = sealEntry(signerOf('author'), {
      meshId,
      incarnation: FIRST_LIFE,
      seq: 1,
      prev: '',
      records: [aWant({ createdMs: 999 })]
    })
    const admission = await ledger.admit(fork.bytes)
    expect([admission.kind, verdictOf(admission)]).toEqual(['fork', 'ignore'])
    const next = sealEntry(signerOf('author'), {
      meshId,
      incarnation: FIRST_LIFE,
      seq: 2,
      prev: fork.hash,
      records: [aWant()]
    })
    expect(await ledger.admit(next.bytes)).toEqual({ kind: 'fork' })
  })
})
