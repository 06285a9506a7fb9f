import { expect, test } from 'vitest'
import { MAX_SYNC_FEEDS, SYNC_MIN_BYTES_PER_SECOND } from '../../src/gossip/gossip-limits.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { FakeClock } from '../support/test-ports.ts'
import { FakeLedger } from './fake-ledger.ts'
import { noise } from './memory-blobs.ts'
import { headRows, script, serveFrom, sourceOf, startPair, type Pair } from './sync-peers.ts'

const ada = signerOf('ada').nodeId
const bob = signerOf('bob').nodeId
const ZEROS = '0'.repeat(16)

/** What an honest peer would hold: a feed of ten entries. */
function tenEntries(): { readonly ledger: FakeLedger; readonly entries: Uint8Array[] } {
  const ledger = new FakeLedger()
  const entries = Array.from({ length: 10 }, (_, index) => ledger.append(ada, noise(50, index + 1)))
  return { ledger, entries }
}

/** Tells the heads of that feed, then answers everything with these frames. */
function tells(pair: Pair, ...frames: readonly unknown[]): Promise<void> {
  const { ledger } = tenEntries()
  return script(pair.rude, async (stream) => {
    await stream.read()
    await stream.write({ heads: headRows(ledger), proofs: [], more: false })
    await stream.read()
    for (const frame of frames) await stream.write(frame)
    while ((await stream.read()) !== null);
  })
}

const { entries } = tenEntries()

test.for([
  {
    id: 'entries of a want that was not asked',
    page: { parts: [[7, 1, entries]], more: false },
    rule: /nobody asked for/
  },
  {
    id: 'entries from the middle',
    page: { parts: [[0, 4, entries.slice(3)]], more: false },
    rule: /out of order/
  },
  {
    id: 'the same entries twice',
    page: {
      parts: [
        [0, 1, entries.slice(0, 3)],
        [0, 1, entries.slice(0, 3)]
      ],
      more: false
    },
    rule: /out of order/
  },
  {
    id: 'more than the head that it told',
    page: { parts: [[0, 1, [...entries, noise(50, 1)]]], more: false },
    rule: /more entries than/
  },
  { id: 'nothing, and says there is more', page: { parts: [], more: true }, rule: /says there is more/ },
  { id: 'an empty part', page: { parts: [[0, 1, []]], more: true }, rule: /empty part/ },
  { id: 'a page of another shape', page: { parts: 'many', more: false }, rule: /not a list/ },
  { id: 'no page at all', page: 7, rule: /not a map/ },
  {
    id: 'an entry beyond the largest',
    page: { parts: [[0, 1, [noise(70_000, 1)]]], more: false },
    rule: /bytes/
  }
])('a peer that sends $id is refused by name and blamed once', async ({ page, rule }) => {
  const pair = await startPair()
  await tells(pair, page)
  await expect(pair.pull()).rejects.toThrow(rule)
  expect(pair.blamed).toEqual([{ node: pair.rude.nodeId, rule: expect.stringMatching(rule) as string }])
  expect(pair.node.ledger.count()).toBe(0)
})

test('bytes that are no frame end the session and cost standing', async () => {
  const pair = await startPair()
  await script(pair.rude, async (stream) => {
    await stream.read()
    await stream.writeBytes(noise(500, 3))
    await stream.read()
  })
  await expect(pair.pull()).rejects.toThrow()
  expect(pair.blamed).toHaveLength(1)
})

test('a peer that is cut off in the middle of a frame is not blamed', async () => {
  const pair = await startPair()
  await script(pair.rude, async (stream) => {
    await stream.read()
    stream.abort(new Error('the cable was pulled'))
  })
  await expect(pair.pull()).rejects.toThrow()
  expect(pair.blamed).toEqual([])
})

test.for([
  {
    id: 'heads without end',
    heads: (ledger: FakeLedger) => headRows(ledger),
    rule: `told more than ${MAX_SYNC_FEEDS} feeds`
  },
  { id: 'no heads, and more of them', heads: () => [], rule: 'told no heads' }
])('$id are not listened to for ever', async ({ heads, rule }) => {
  const pair = await startPair()
  const ledger = new FakeLedger()
  for (let i = 0; i < 1_000; i++) ledger.append(ada, noise(1, 1), i.toString(16).padStart(16, '0'))
  const rows = heads(ledger)
  let told = 0
  await script(pair.rude, async (stream) => {
    await stream.read()
    for (; told < 1_000; told++) await stream.write({ heads: rows, proofs: [], more: true })
  })
  await expect(pair.pull()).rejects.toThrow(rule)
  expect(pair.blamed).toHaveLength(1)
  // the sender was held back: it did not get rid of all that it had
  expect(told).toBeLessThan(100)
})

test('a peer that tells one head which it does not serve costs a session and no standing: the feed may have been cut', async () => {
  const pair = await startPair()
  await tells(pair, { parts: [], more: false })
  await expect(pair.pull()).rejects.toThrow('HEADS_NOT_SERVED')
  expect(pair.blamed).toEqual([])
})

test('a peer that tells many heads and serves none of them is blamed', async () => {
  const pair = await startPair()
  const ledger = new FakeLedger()
  for (let i = 0; i < 50; i++) ledger.append(ada, noise(1, 1), i.toString(16).padStart(16, '0'))
  await serveFrom(pair.rude, {
    ...sourceOf(ledger),
    // eslint-disable-next-line require-yield
    async *range() {
      return
    }
  })
  await expect(pair.pull()).rejects.toThrow('serves none')
  expect(pair.blamed).toHaveLength(1)
})

test("another's feed with one byte changed is not stored; the feeds beside it come all the same", async () => {
  const pair = await startPair()
  const ledger = new FakeLedger()
  for (const author of [ada, bob]) for (let i = 0; i < 5; i++) ledger.append(author, noise(100, i + 1))
  await serveFrom(pair.rude, {
    ...sourceOf(ledger),
    async *range(feed, fromSeq, toSeq) {
      for await (const entry of ledger.range(feed, fromSeq, toSeq)) {
        const bytes = Uint8Array.from(entry.bytes)
        if (feed.node === ada && entry.seq === 3) bytes[0] = 0xff
        yield { ...entry, bytes }
      }
    }
  })
  await pair.pull()
  expect(pair.node.ledger.entries.get(`${ada}/${ZEROS}`)).toHaveLength(2)
  expect(pair.node.ledger.entries.get(`${bob}/${ZEROS}`)).toHaveLength(5)
  expect(pair.blamed).toEqual([{ node: pair.rude.nodeId, rule: 'sync: no entry' }])
})

test('a proof that proves nothing costs standing and changes nothing', async () => {
  const pair = await startPair()
  const ledger = new FakeLedger()
  const entry = ledger.append(ada)
  await serveFrom(pair.rude, {
    ...sourceOf(ledger),
    proofs: () => [{ node: ada, incarnation: ZEROS, seq: 1 }],
    proof: async () => encodeCbor({ first: entry, second: entry })
  })
  expect(await pair.pull()).toMatchObject({ accepted: 1 })
  expect(pair.node.ledger.cuts.size).toBe(0)
  expect(pair.blamed).toEqual([{ node: pair.rude.nodeId, rule: 'sync: a proof that proves nothing' }])
})

test('a peer that brings a little now and then, for ever, is given up', async () => {
  const pair = await startPair()
  const clock = new FakeClock()
  const ledger = new FakeLedger()
  for (let i = 0; i < 300; i++) ledger.append(ada, noise(100, i + 1))
  let pages = 0
  await script(pair.rude, async (stream) => {
    await stream.read()
    await stream.write({ heads: headRows(ledger), proofs: [], more: false })
    for (let seq = 1; seq <= 300; seq++) {
      await stream.read()
      // just in time for the limit of a single frame
      await clock.advance(29_000)
      pages += 1
      const entry = ledger.entries.get(`${ada}/${ZEROS}`)?.[seq - 1]
      await stream.write({ parts: [[0, seq, [entry?.bytes]]], more: true })
    }
  })
  await expect(pair.pull({ clock })).rejects.toThrow('STREAM_STALLED')
  expect(pages).toBeLessThan(5)
  expect(pair.blamed).toEqual([])
})

test('a slow peer that goes on bringing enough is listened to', async () => {
  const pair = await startPair()
  const clock = new FakeClock()
  const ledger = new FakeLedger()
  for (let i = 0; i < 40; i++) ledger.append(ada, noise(50_000, i + 1))
  await serveFrom(pair.rude, {
    ...sourceOf(ledger),
    async *range(feed, fromSeq, toSeq) {
      for await (const entry of ledger.range(feed, fromSeq, toSeq)) {
        await clock.advance((1_000 * entry.bytes.byteLength) / SYNC_MIN_BYTES_PER_SECOND)
        yield entry
      }
    }
  })
  expect(await pair.pull({ clock })).toMatchObject({ accepted: 40 })
})
