import { MemoryLevel } from 'memory-level'
import { expect, onTestFinished, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import { jobId } from '../../src/core/job.ts'
import type { StoredEntry } from '../../src/core/ports.ts'
import type { ResultRecord } from '../../src/core/record.ts'
import { KnownRows } from '../../src/ledger/known-rows.ts'
import { MemoryRows } from '../../src/ledger/memory-rows.ts'
import { placed, type ResultRows } from '../../src/ledger/view-rows.ts'
import { useDatabase, type Database } from '../../src/storage/open-database.ts'
import { openEntry, sealEntry } from '../../src/wire/envelope.ts'
import { AUTHORS, founded, TARGETS } from '../scheduler/feed-arbitraries.ts'
import { aResult } from '../support/make-record.ts'
import { openViews, type ViewsNode } from './views-node.ts'

/*
 * A cold sync brings whole pages of results, whose rows are read together or not at all when they are known to be new. The rows must
 * come out as if each result had come alone: with projects, releases and files that meet again within a page, between pages, between
 * feeds and over a restart.
 */

const RESULTS_EACH = 120
const IN_ENTRY = 20
const base = aResult()

/** Few names for many results: nearly every row changes several times. */
function resultOf(author: number, number: number): ResultRecord {
  const version = `${number % 7}.${number % 3}`
  const job = jobId(normalizeName(`demo-${number % 11}`), version, TARGETS[number % TARGETS.length]!)
  const wheel = { ...base.wheel!, sha256: sha256Hex(`wheel ${number % 50}`) }
  const log = { sha256: sha256Hex(`log ${author} ${number % 70}`), size: 9 }
  return { ...base, job, wheel, log, startedMs: 1_000 * ((number * 37) % 100) }
}

function feedOf(author: number): readonly Uint8Array[] {
  const entries: StoredEntry[] = []
  for (let made = 0; made < RESULTS_EACH; made += IN_ENTRY)
    entries.push(
      sealEntry(AUTHORS[author]!, {
        meshId: founded.meshId,
        incarnation: '1'.repeat(16),
        seq: entries.length + 1,
        prev: entries.at(-1)?.hash ?? '',
        records: Array.from({ length: IN_ENTRY }, (_, index) => resultOf(author, made + index))
      })
    )
  return entries.map(({ bytes }) => bytes)
}

const FEEDS = [feedOf(1), feedOf(2)] as const
type Rows = Awaited<ReturnType<ViewsNode['rows']>>

async function aDatabase(): Promise<Database> {
  const level = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
  const database = await useDatabase(level, { folder: 'memory', made: false })
  onTestFinished(() => database.close())
  return database
}

/** The rows after both feeds came in ranges of so many entries; `restarts`: the node begins anew before each range. */
async function rowsAfter(inRange: number, restarts: boolean): Promise<Rows> {
  const database = await aDatabase()
  let node = await openViews(database)
  for (const feed of FEEDS)
    for (let at = 0; at < feed.length; at += inRange) {
      if (restarts) node = await openViews(database)
      expect(await node.ledger.admitRange(feed.slice(at, at + inRange))).toEqual({ kind: 'accepted' })
    }
  return node.rows()
}

test('rows are the same whether results came in pages or alone, to a cold node or to one that restarts, and after a rebuild', async () => {
  const alone = await rowsAfter(1, false)
  expect(alone.length).toBeGreaterThan(200)
  expect(await rowsAfter(6, false)).toEqual(alone)
  expect(await rowsAfter(4, true)).toEqual(alone)
  const database = await aDatabase()
  const node = await openViews(database)
  for (const feed of FEEDS) await node.ledger.admitRange(feed)
  await node.state.views?.rebuild(node.entries)
  expect(await node.rows()).toEqual(alone)
})

/** Counts what it is asked for. */
class CountedRows extends MemoryRows {
  asked = 0

  override get(key: string): Uint8Array | undefined {
    this.asked++
    return super.get(key)
  }
}

test('a cold node asks for no row that is new, one that was there before for each of them once', async () => {
  const [[first, ...rest]] = FEEDS
  const places = [first!, ...rest].map((bytes) => placed({ entry: openEntry(bytes), bytes }))
  const rows = new CountedRows()
  const known = new KnownRows(rows)
  known.begin()
  // Its first results share no row.
  await known.read(places.slice(0, 1).map((one) => ({ ...one, places: one.places.slice(0, 5) })))
  expect(rows.asked).toBe(0)
  known.forget()
  await known.read(places)
  const keys = places.flatMap((one) => one.places.flatMap(keysOf))
  expect(rows.asked).toBe(new Set(keys).size)
})

function keysOf({ releaseKey, projectKey, blobKeys }: ResultRows): readonly string[] {
  return [releaseKey, projectKey, ...blobKeys]
}
