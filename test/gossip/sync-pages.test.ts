import { expect, test } from 'vitest'
import type { FeedWant } from '../../src/core/feed-heads.ts'
import { MAX_SYNC_FRAME_BYTES } from '../../src/core/limits.ts'
import { encodePage, MAX_ENTRIES_IN_PART, type SyncPage } from '../../src/gossip/sync-messages.ts'
import { SyncPages } from '../../src/gossip/sync-pages.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { FakeLedger } from './fake-ledger.ts'
import { noise } from './memory-blobs.ts'

const ada = signerOf('ada').nodeId
const INCARNATION = '0'.repeat(16)

function incarnationOf(number: number): string {
  return number.toString(16).padStart(16, '0')
}

function wantOf(number: number, from: number, to: number): FeedWant {
  return { node: ada, incarnation: incarnationOf(number), from, to }
}

async function allOf(pages: SyncPages): Promise<SyncPage[]> {
  const all: SyncPage[] = []
  for (;;) {
    const page = await pages.next()
    all.push(page)
    if (!page.more) return all
  }
}

/** What came of each want: its numbers in order. */
function numbersOf(pages: readonly SyncPage[]): ReadonlyMap<number, readonly number[]> {
  const got = new Map<number, number[]>()
  for (const { want, from, entries } of pages.flatMap(({ parts }) => parts)) {
    got.set(want, [...(got.get(want) ?? []), ...entries.map((_, index) => from + index)])
  }
  return got
}

test.for([
  { id: 'entries of the largest size', count: 20, size: 65_000 },
  { id: 'entries of a page of results', count: 60, size: 25_000 },
  { id: 'tiny entries', count: 3_000, size: 1 }
])('$id: every page fits its frame, and nothing is left out or sent twice', async ({ count, size }) => {
  const ledger = new FakeLedger()
  for (let i = 0; i < count; i++) ledger.append(ada, noise(size, i + 1))
  const pages = await allOf(new SyncPages(ledger, [wantOf(0, 1, count)]))
  for (const page of pages) {
    expect(encodeCbor(encodePage(page)).byteLength).toBeLessThanOrEqual(MAX_SYNC_FRAME_BYTES)
    for (const part of page.parts) expect(part.entries.length).toBeLessThanOrEqual(MAX_ENTRIES_IN_PART)
  }
  expect(numbersOf(pages)).toEqual(new Map([[0, Array.from({ length: count }, (_, index) => index + 1)]]))
  // pages are used well: at least half of each but the last
  for (const page of pages.slice(0, -1)) {
    expect(encodeCbor(encodePage(page)).byteLength).toBeGreaterThan(MAX_SYNC_FRAME_BYTES / 2)
  }
})

test('wants are served in order, each from its first to its last entry', async () => {
  const ledger = new FakeLedger()
  for (let feed = 0; feed < 40; feed++) {
    for (let i = 0; i < 10; i++) ledger.append(ada, noise(3_000, i + 1), incarnationOf(feed))
  }
  const wants = Array.from({ length: 40 }, (_, feed) => wantOf(feed, 3, 8))
  const pages = await allOf(new SyncPages(ledger, wants))
  expect(pages.length).toBeGreaterThan(2)
  expect(numbersOf(pages)).toEqual(new Map(wants.map((_, index) => [index, [3, 4, 5, 6, 7, 8]])))
  const order = pages.flatMap(({ parts }) => parts.map(({ want }) => want))
  expect(order).toEqual(order.toSorted((a, b) => a - b))
})

test('a want that is skipped ends where it is', async () => {
  const ledger = new FakeLedger()
  for (const feed of [0, 1]) {
    for (let i = 0; i < 30; i++) ledger.append(ada, noise(50_000, i + 1), incarnationOf(feed))
  }
  const pages = new SyncPages(ledger, [wantOf(0, 1, 30), wantOf(1, 1, 30)])
  const first = await pages.next()
  pages.skip([0])
  const got = numbersOf([first, ...(await allOf(pages))])
  expect(got.get(0)?.length).toBeLessThan(10)
  expect(got.get(1)).toHaveLength(30)
})

test('what is not there is left out', async () => {
  const ledger = new FakeLedger()
  ledger.append(ada, new Uint8Array(1), INCARNATION)
  const pages = await allOf(new SyncPages(ledger, [wantOf(7, 1, 9), wantOf(0, 1, 9), wantOf(8, 1, 9)]))
  expect(numbersOf(pages)).toEqual(new Map([[1, [1]]]))
})

test('the read of the store is closed when the client leaves in the middle', async () => {
  let closed = 0
  const ledger = new FakeLedger()
  for (let i = 0; i < 30; i++) ledger.append(ada, noise(50_000, i + 1))
  const pages = new SyncPages(
    {
      async *range(feed, fromSeq, toSeq) {
        try {
          yield* ledger.range(feed, fromSeq, toSeq)
        } finally {
          closed += 1
        }
      }
    },
    [wantOf(0, 1, 30)]
  )
  await pages.next()
  expect(closed).toBe(0)
  await pages.close()
  expect(closed).toBe(1)
})
