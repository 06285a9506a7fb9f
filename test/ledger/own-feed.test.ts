import { describe, expect, test } from 'vitest'
import { OWN_HEAD_WAIT_MS } from '../../src/core/limits.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import type { Database } from '../../src/storage/open-database.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { aResult, aWant } from '../support/make-record.ts'
import { FakeClock } from '../support/test-ports.ts'
import {
  copyOf,
  feedsOf,
  forkOf,
  ledgerOf,
  LONE_MESH,
  pull,
  settleAll,
  startFeedNode,
  type FeedNode,
  type Name
} from './feed-node.ts'

const clock = new FakeClock()

function start(name: Name, database?: Database, mesh?: typeof LONE_MESH): Promise<FeedNode> {
  return startFeedNode(name, { clock, ...(database && { database }), ...(mesh && { mesh }) })
}

/** Long enough for a batch, and far too short for the wait. */
async function write({ ledger }: FeedNode, ...records: readonly MeshRecord[]): Promise<void> {
  const written = ledger.append(...records)
  await clock.advance(200)
  await written
}

function settled(work: Promise<unknown>): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => setImmediate(() => setImmediate(resolve, false)))
  return Promise.race([work.then(() => true), late])
}

/** Five members, ada with some entries that all know, and then some that came after an image of her card was made. */
async function withOldImage(): Promise<{ ada: FeedNode; others: readonly FeedNode[]; image: Database }> {
  const ada = await start('ada')
  const others = await Promise.all((['bob', 'cleo', 'dan', 'eve'] as const).map((name) => start(name)))
  await write(ada, aWant({ createdMs: 1 }))
  await settleAll([ada, ...others])
  const image = await copyOf(ada.database)
  await write(ada, aWant({ createdMs: 2 }))
  await write(ada, aResult())
  await settleAll([ada, ...others])
  return { ada, others, image }
}

const noForks = (nodes: readonly FeedNode[]): void => {
  for (const { ledger } of nodes) expect(ledger.proofs()).toEqual([])
}

describe('a node that starts', () => {
  test('with a new database writes at once: nobody can know entries of its feed', async () => {
    const ada = await start('ada')
    expect(ada.ledger.isWaiting()).toBe(false)
    await write(ada, aWant())
    expect(Object.values(feedsOf(ada))).toEqual([1])
  })

  test('in a mesh of one keeps its incarnation and waits for nobody', async () => {
    const before = await start('ada', undefined, LONE_MESH)
    await write(before, aWant())
    const after = await start('ada', before.database, LONE_MESH)
    expect(after.ledger.isWaiting()).toBe(false)
    await write(after, aWant())
    expect(feedsOf(after)).toEqual({ [Object.keys(feedsOf(before))[0]!]: 2 })
  })

  test('holds its appends back, takes what others hold, and writes when a majority of them has answered', async () => {
    const { ada, others } = await withOldImage()
    const again = await start('ada', ada.database)
    const written = again.ledger.append(aWant({ createdMs: 3 }))
    await clock.advance(1_000)
    await pull(again, others[0]!)
    await pull(again, others[1]!)
    await clock.advance(1_000)
    expect([again.ledger.isWaiting(), await settled(written)]).toEqual([true, false])
    await pull(again, others[2]!)
    expect(again.ledger.isWaiting()).toBe(false)
    await written
    expect(Object.values(feedsOf(again))).toEqual([4])
  })

  test('loses none of the records that were appended meanwhile, nor their order', async () => {
    const { ada, others } = await withOldImage()
    const again = await start('ada', ada.database)
    const written = Array.from({ length: 7 }, async (_, at) => {
      await clock.sleep(at * 500)
      return again.ledger.append(aWant({ createdMs: 100 + at }))
    })
    await clock.advance(5_000)
    for (const other of others) await pull(again, other)
    await clock.advance(1_000)
    expect(new Set((await Promise.all(written)).flat()).size).toBe(7)
    const wants = [...again.state.wishes.wants()].map(([, { createdMs }]) => createdMs)
    expect(wants.filter((ms) => ms >= 100)).toEqual([100, 101, 102, 103, 104, 105, 106])
  })
})

describe('a node restored from an old image', () => {
  test('fetches its own entries back, then writes behind them: one feed, no fork', async () => {
    const { others, image } = await withOldImage()
    const restored = await start('ada', image)
    expect(restored.state.results.count()).toBe(0)
    const written = restored.ledger.append(aWant({ createdMs: 3 }))
    for (const other of others) await pull(restored, other)
    await clock.advance(200)
    await written
    expect(Object.values(feedsOf(restored))).toEqual([4])
    // what it once said counts for itself, too
    expect(restored.state.results.count()).toBe(1)
    await settleAll([restored, ...others])
    noForks([restored, ...others])
    for (const other of others) expect(ledgerOf(other)).toEqual(ledgerOf(restored))
  })

  test('whose peers do not all answer begins a new feed: one that is silent may hold its last entries', async () => {
    const { ada, others, image } = await withOldImage()
    await write(ada, aWant({ createdMs: 4 }))
    const [knowing, ...unknowing] = others as [FeedNode, ...FeedNode[]]
    await pull(knowing, ada)
    const restored = await start('ada', image)
    const written = restored.ledger.append(aWant({ createdMs: 5 }))
    for (const other of unknowing) await pull(restored, other)
    await clock.advance(OWN_HEAD_WAIT_MS - 1_000)
    expect(await settled(written)).toBe(false)
    await clock.advance(1_200)
    await written
    expect(Object.values(feedsOf(restored)).sort()).toEqual([1, 3])
    await settleAll([restored, ...others])
    noForks([restored, ...others])
    expect(Object.values(feedsOf(restored)).sort()).toEqual([1, 4])
  })

  test('alone goes on in a new feed after 10 s, and what it once wrote comes back later', async () => {
    const { others, image } = await withOldImage()
    const restored = await start('ada', image)
    const written = restored.ledger.append(aWant({ createdMs: 3 }))
    await clock.advance(OWN_HEAD_WAIT_MS - 1)
    expect(await settled(written)).toBe(false)
    await clock.advance(200)
    await written
    expect(Object.values(feedsOf(restored)).sort()).toEqual([1, 1])
    await settleAll([restored, ...others])
    noForks([restored, ...others])
    expect(Object.values(feedsOf(restored)).sort()).toEqual([1, 3])
    expect(restored.state.results.count()).toBe(1)
    // the new incarnation lies in the database
    const again = await start('ada', restored.database)
    for (const other of others) await pull(again, other)
    await write(again, aWant({ createdMs: 6 }))
    expect(Object.values(feedsOf(again)).sort()).toEqual([2, 3])
  })

  test('twice from one image, each time alone, never writes into the same feed', async () => {
    const { others, image } = await withOldImage()
    const lives: FeedNode[] = []
    for (const createdMs of [11, 12]) {
      const life = await start('ada', await copyOf(image))
      const written = life.ledger.append(aWant({ createdMs }))
      await clock.advance(OWN_HEAD_WAIT_MS + 200)
      await written
      await pull(others[0]!, life)
      lives.push(life)
    }
    await settleAll([lives[1]!, ...others])
    noForks([lives[1]!, ...others])
    expect(Object.values(feedsOf(others[0]!, lives[0]!.id)).sort()).toEqual([1, 1, 3])
  })

  test('that has nothing to say begins no new feed, however long it is alone', async () => {
    const { others, image } = await withOldImage()
    const restored = await start('ada', image)
    await clock.advance(10 * OWN_HEAD_WAIT_MS)
    for (const other of others) await pull(restored, other)
    await write(restored, aWant({ createdMs: 3 }))
    expect(Object.values(feedsOf(restored))).toEqual([4])
  })

  test('that hears of a later own entry by gossip, too late, writes no second one in its place', async () => {
    const { ada, others, image } = await withOldImage()
    // A majority is as old as the image: it was restored with it.
    const restored = await start('ada', image)
    const old = await Promise.all((['bob', 'cleo', 'dan'] as const).map((name) => start(name)))
    for (const other of old) await pull(restored, other)
    expect(restored.ledger.isWaiting()).toBe(false)
    const [head] = ada.ledger.heads()
    const last = ada.ledger.range(head!, 3)
    for await (const { bytes } of last) expect(await restored.ledger.admit(bytes)).toEqual({ kind: 'gap' })
    await write(restored, aWant({ createdMs: 3 }))
    expect(Object.values(feedsOf(restored)).sort()).toEqual([1, 1])
    await settleAll([restored, ...others])
    noForks([restored, ...others])
  })

  test('while its twin runs leaves the feed to the twin as soon as it hears of it', async () => {
    const { ada, others, image } = await withOldImage()
    const twin = await start('ada', image)
    for (const other of others) await pull(twin, other)
    await write(ada, aWant({ createdMs: 3 }))
    await pull(twin, ada)
    await write(twin, aWant({ createdMs: 4 }))
    await write(ada, aWant({ createdMs: 5 }))
    await settleAll([ada, twin, ...others])
    noForks([ada, twin, ...others])
    expect(Object.values(feedsOf(ada)).sort()).toEqual([1, 5])
  })
})

describe('what cannot make a node begin new feeds', () => {
  test('a late entry of its own feed that it did not sign', async () => {
    const ada = await start('ada')
    await write(ada, aWant())
    const [head] = ada.ledger.heads()
    const forged = forkOf(signerOf('eve'), head!.incarnation, { seq: 7, hash: head!.hash }, aWant())[0]!
    const bytes = Uint8Array.from(forged.bytes)
    await ada.ledger.admit(bytes)
    await write(ada, aWant())
    expect(feedsOf(ada)).toEqual({ [head!.incarnation]: 2 })
  })

  test('its own entries that come around again', async () => {
    const ada = await start('ada')
    await write(ada, aWant())
    const [head] = ada.ledger.heads()
    for await (const { bytes } of ada.ledger.range(head!, 1))
      expect(await ada.ledger.admit(bytes)).toEqual({ kind: 'known' })
    await write(ada, aWant())
    expect(feedsOf(ada)).toEqual({ [head!.incarnation]: 2 })
  })
})

test('a node that is stopped while it waits writes what was appended, into a feed of its own', async () => {
  const { others, image } = await withOldImage()
  const restored = await start('ada', image)
  const written = restored.ledger.append(aWant({ createdMs: 3 }))
  await restored.ledger.stop()
  expect((await written).length).toBe(1)
  await settleAll([restored, ...others])
  noForks([restored, ...others])
})

test('a disk that refuses the new incarnation refuses the record; the next try goes through', async () => {
  const { image } = await withOldImage()
  const restored = await start('ada', image)
  const put = image.state.put.bind(image.state)
  image.state.put = async () => {
    throw new Error('the card is broken')
  }
  const refused = restored.ledger.append(aWant({ createdMs: 3 })).catch((error: unknown) => error)
  await clock.advance(OWN_HEAD_WAIT_MS + 200)
  expect(await refused).toMatchObject({ code: 'STORAGE_IO' })
  image.state.put = put
  await write(restored, aWant({ createdMs: 4 }))
  expect(Object.values(feedsOf(restored)).sort()).toEqual([1, 1])
})
