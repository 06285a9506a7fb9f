import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { OwnOrphans } from '../../src/node/own-orphans.ts'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { entryKey, feedKey } from '../../src/storage/keys.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { rowsOfBrokenLog } from '../../src/storage/salvage-log.ts'
import { rowsOfBrokenTable } from '../../src/storage/salvage-table.ts'
import type { TableRow } from '../../src/storage/table-rows.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import {
  databaseFiles,
  feedCodec,
  FEED_INCARNATION,
  flipByte,
  largestFile,
  openFeeds,
  SELF,
  signedEntries
} from '../support/feed-folder.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'

const COUNT = 300
const FEED = { node: SELF, incarnation: FEED_INCARNATION }
const own = signedEntries('self', { fromSeq: 1, count: COUNT, bytes: 600 })
const byKey = new Map(own.map((entry) => [`!entries!${entryKey(FEED, entry.seq)}`, entry.hash]))

/** A folder with the feed in one table file, or still in the log. */
async function folderWith(where: 'table' | 'log'): Promise<string> {
  const folder = await tempFolder()
  const database = await openDatabase(folder)
  const store = await createEntryStore(database)
  for (let at = 0; at < COUNT; at += 10) await store.append(own.slice(at, at + 10), { sync: false })
  await database.close()
  if (where === 'table') await (await openDatabase(folder)).close()
  return folder
}

function intact(rows: Iterable<TableRow>): number {
  const found = new Set<string>()
  for (const { key, value } of rows) {
    const name = Buffer.from(key).toString('latin1')
    const entry = own[Number.parseInt(name.slice(-12), 16) - 1]
    if (byKey.has(name) && entry !== undefined && Buffer.compare(entry.bytes, value) === 0) found.add(name)
  }
  return found.size
}

describe('of a broken file is read', () => {
  const fileOf = async (kind: 'table' | 'log'): Promise<Uint8Array> =>
    readFile(await largestFile(await folderWith(kind), kind === 'table' ? /\.ldb$/ : /\.log$/))
  const readers = { table: rowsOfBrokenTable, log: rowsOfBrokenLog }

  test.for(['table', 'log'] as const)('all of a sound %s', async (kind) => {
    expect(intact(readers[kind](await fileOf(kind)))).toBe(COUNT)
  })

  test.for([
    { kind: 'table', most: 24 },
    // A flip in a record's length hides the rest of 32 KiB.
    { kind: 'log', most: 60 }
  ] as const)('all but a few of a $kind, whichever byte is flipped', async ({ kind, most }) => {
    const file = await fileOf(kind)
    let hits = 0
    for (let at = 0; at < file.byteLength; at += Math.floor(file.byteLength / 200)) {
      const bytes = Uint8Array.from(file)
      bytes[at] = (bytes[at] ?? 0) ^ 0x5a
      const left = intact(readers[kind](bytes))
      expect(left, `byte ${at}`).toBeGreaterThanOrEqual(COUNT - most)
      if (left < COUNT) hits += 1
    }
    // The flips did hit rows.
    expect(hits).toBeGreaterThan(50)
  })

  test.for([0.2, 0.5, 0.9])('the beginning of a table that ends at %d of its length', async (share) => {
    const table = await fileOf('table')
    const cut = table.subarray(0, Math.floor(table.byteLength * share))
    expect(intact(rowsOfBrokenTable(cut))).toBeGreaterThanOrEqual(Math.floor(COUNT * share) - 20)
  })

  test.for(['table', 'log'] as const)('nothing, without an error, of rubbish called a %s', (kind) => {
    for (let length = 0; length < 3_000; length += 37) {
      const rubbish = Uint8Array.from({ length }, (_, at) => (at * 7_919 + length * 31) & 0xff)
      expect(intact(readers[kind](rubbish))).toBe(0)
    }
  })
})

describe('a node that is alone', () => {
  async function adopted(folder: string): Promise<{ readonly kept: number; readonly written: MeshRecord[] }> {
    const { database, entries } = await openFeeds(folder)
    const written: MeshRecord[] = []
    const [head] = await entries.heads()
    const orphans = new OwnOrphans({
      database,
      codec: feedCodec(),
      clock: new FakeClock(),
      log: silentLog,
      ledger: {
        append: async (...records) => written.push(...records),
        heads: () => (head === undefined ? [] : [head])
      },
      hasOthers: () => false
    })
    orphans.start()
    await expect.poll(async () => (await database.orphans.keys().all()).length).toBe(0)
    await orphans.stop()
    await database.close()
    return { kept: head?.seq ?? 0, written }
  }

  test.for(['table', 'log'] as const)(
    'loses the entries that a flip in its %s hit, and writes those behind it again',
    async (kind) => {
      const folder = await folderWith(kind)
      await flipByte(await largestFile(folder, kind === 'table' ? /\.ldb$/ : /\.log$/), 0.5)
      const { kept, written } = await adopted(folder)
      expect(kept).toBeGreaterThan(COUNT * 0.4)
      expect(kept).toBeLessThan(COUNT)
      expect(kept + written.length).toBeGreaterThan(COUNT - 60)
      // As they were, in their order.
      const codec = feedCodec()
      const last = own.slice(COUNT - written.length)
      expect(written).toEqual(last.flatMap(({ bytes }) => codec.open(bytes).records))
      expect((await openedAgain(folder)).repair).toBeUndefined()
    }
  )

  test('loses nothing by a repair that was cut off', async () => {
    const folder = await folderWith('table')
    const table = await largestFile(folder, /\.ldb$/)
    const bytes = await readFile(table)
    await flipByte(table, 0.5)
    await adopted(folder)
    // The files that had been set aside are there again, and what was taken from them is not.
    const { database } = await openFeeds(folder)
    await database.entries.clear()
    await database.heads.clear()
    await database.close()
    await rm(`${folder}/ledger.salvage`, { recursive: true, force: true })
    await mkdir(`${folder}/ledger.salvage`)
    await writeFile(`${folder}/ledger.salvage/000005.ldb`, bytes)
    const { repair, seq } = await openedAgain(folder)
    expect(repair).toMatchObject({ done: 'repaired', found: ['ledger.salvage: a repair was interrupted'] })
    expect(seq).toBe(COUNT)
    expect(await databaseFiles(folder, /salvage/)).toEqual([])
    expect((await openedAgain(folder)).repair).toBeUndefined()
  })

  async function openedAgain(folder: string): Promise<{ readonly repair: unknown; readonly seq: number }> {
    const { database, entries, repair } = await openFeeds(folder)
    const seq = (await entries.heads()).find((head) => feedKey(head) === feedKey(FEED))?.seq ?? 0
    await database.close()
    return { repair, seq }
  }
})
