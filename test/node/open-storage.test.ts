import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StorageWatch } from '../../src/node/heal-storage.ts'
import type { StorageRepair } from '../../src/node/open-storage.ts'
import { databaseFolder, entryKey, feedKey } from '../../src/storage/keys.ts'
import { createSmallState } from '../../src/storage/small-state.ts'
import { tideOf, writeTideMark } from '../../src/storage/tide-mark.ts'
import { collect } from '../support/collect.ts'
import {
  cutFile,
  FEED_INCARNATION,
  flipByte,
  largestFile,
  openFeeds,
  SELF,
  signedEntries
} from '../support/feed-folder.ts'
import { signerOf } from '../support/fixture-keys.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'

const OWN = 400
const OTHERS = 9_000
const own = signedEntries('self', { fromSeq: 1, count: OWN })
const others = signedEntries('other', { fromSeq: 1, count: OTHERS, bytes: 400 })

let sound = ''

/** Two feeds over several tables and a log, closed in good order. */
beforeAll(async () => {
  sound = await mkdtemp(join(tmpdir(), 'commonwheel-test-'))
  // Each opening brings what is in the log into a table of its own; the largest is not the one where the feeds begin.
  for (const [from, to] of [
    [0, 3_000],
    [3_000, OTHERS - 600]
  ] as const) {
    const { database, entries } = await openFeeds(sound)
    for (let at = from; at < to; at += 300) {
      await entries.append(others.slice(at, at + 300), { sync: false })
      if (at / 300 < 19) await entries.append(own.slice(at / 15, at / 15 + 20), { sync: true })
    }
    await database.close()
  }
  // The rest stays in the log.
  const again = await openFeeds(sound)
  await createSmallState(again.database).put('incarnation', new TextEncoder().encode(FEED_INCARNATION), {
    sync: true
  })
  await again.database.views.put('row', new Uint8Array([1]))
  await again.entries.append(others.slice(-600, -300), { sync: false })
  await again.entries.append(own.slice(-20), { sync: true })
  await again.entries.append(others.slice(-300), { sync: false })
  await writeTideMark(sound, SELF, tideOf(await again.entries.heads(), SELF, true))
  await again.database.close()
})

afterAll(() => rm(sound, { recursive: true }))

async function copyOfSound(): Promise<string> {
  const folder = await tempFolder()
  await cp(sound, folder, { recursive: true })
  return folder
}

interface After {
  readonly repair: StorageRepair | undefined
  readonly ownSeq: number
  readonly otherSeq: number
  readonly incarnation: string | undefined
  readonly rows: number
}

/** Opens it as a node does, checks that what is there is an unbroken beginning of what was, and closes it. */
async function opened(folder: string): Promise<After> {
  const { database, entries, repair } = await openFeeds(folder)
  try {
    const heads = new Map((await entries.heads()).map((head) => [head.node, head.seq]))
    for (const [name, written] of [
      ['self', own],
      ['other', others]
    ] as const) {
      const feed = { node: signerOf(name).nodeId, incarnation: FEED_INCARNATION }
      const kept = await collect(entries.range(feed, 1))
      expect(kept.map(({ hash }) => hash)).toEqual(written.slice(0, kept.length).map(({ hash }) => hash))
      expect(kept.length).toBe(heads.get(feed.node) ?? 0)
    }
    const incarnation = await createSmallState(database).get('incarnation')
    return {
      repair,
      ownSeq: heads.get(SELF) ?? 0,
      otherSeq: heads.get(signerOf('other').nodeId) ?? 0,
      incarnation: incarnation && new TextDecoder().decode(incarnation),
      rows: (await database.views.keys().all()).length
    }
  } finally {
    await database.close()
  }
}

test('a sound database is opened as it is', async () => {
  const after = await opened(await copyOfSound())
  expect(after).toEqual({
    repair: undefined,
    ownSeq: OWN,
    otherSeq: OTHERS,
    incarnation: FEED_INCARNATION,
    rows: 1
  })
})

const TABLE = /\.ldb$/
const MANIFEST = /^MANIFEST/
const LOG = /\.log$/

/** The table of damages that were measured to hurt LevelDB, most of them without a word from it. */
const damages: readonly {
  readonly id: string
  readonly damage: (folder: string) => Promise<void>
  /** Nothing is gone. */
  readonly whole?: true
  /** Entries that must be there, or kept aside, at the least; the damage hits fewer than that. */
  readonly least?: number
}[] = [
  { id: 'CURRENT is deleted', damage: (f) => rm(join(databaseFolder(f), 'CURRENT')), whole: true },
  { id: 'CURRENT is empty', damage: (f) => writeFile(join(databaseFolder(f), 'CURRENT'), ''), whole: true },
  {
    id: 'the manifest is gone',
    damage: async (f) => rm(await largestFile(f, MANIFEST)),
    whole: true
  },
  {
    id: 'a byte of the manifest is flipped',
    damage: async (f) => flipByte(await largestFile(f, MANIFEST), 0.4),
    whole: true
  },
  {
    id: 'the last line of the manifest is flipped',
    damage: async (f) => flipByte(await largestFile(f, MANIFEST), 0.97),
    whole: true
  },
  {
    id: 'the manifest is cut',
    damage: async (f) => cutFile(await largestFile(f, MANIFEST), 0.6),
    whole: true
  },
  {
    id: 'the log is flipped',
    damage: async (f) => flipByte(await largestFile(f, LOG), 0.3),
    least: OTHERS - 600
  },
  { id: 'a stretch of the log is zeroed', damage: zeroLog },
  { id: 'the log is cut', damage: async (f) => cutFile(await largestFile(f, LOG), 0.5) },
  { id: 'the log is gone', damage: async (f) => rm(await largestFile(f, LOG)) },
  { id: 'a table is cut', damage: async (f) => cutFile(await largestFile(f, TABLE), 0.5) },
  { id: 'a table is gone', damage: async (f) => rm(await largestFile(f, TABLE)) },
  { id: 'the middle of a table is flipped', damage: async (f) => flipByte(await largestFile(f, TABLE), 0.5) },
  {
    id: 'the end of a table is flipped',
    damage: async (f) => flipByte(await largestFile(f, TABLE), 1),
    whole: true
  },
  {
    id: 'the index of a table is flipped',
    damage: async (f) => flipByte(await largestFile(f, TABLE), 0.998),
    whole: true
  }
]

async function zeroLog(folder: string): Promise<void> {
  const path = await largestFile(folder, LOG)
  const bytes = await readFile(path)
  bytes.fill(0, Math.floor(bytes.byteLength / 3), Math.floor(bytes.byteLength / 2))
  await writeFile(path, bytes)
}

describe('the node opens, and knows what it lost, when', () => {
  test.for(damages)('$id', async ({ damage, whole, least = 1 }) => {
    const folder = await copyOfSound()
    await damage(folder)
    const { repair, ownSeq, otherSeq, incarnation } = await opened(folder)
    expect(repair).toBeDefined()
    expect(ownSeq + otherSeq).toBeGreaterThanOrEqual(least)
    // The mark beside the database knows how much there was.
    expect((repair?.missing ?? 0) + (repair?.orphans ?? 0)).toBe(OWN + OTHERS - ownSeq - otherSeq)
    if (whole === true) expect([ownSeq, otherSeq]).toEqual([OWN, OTHERS])
    // Never a second entry for a place that was taken; and no new feed where nothing of the own one is gone.
    expect(repair?.ownLost).toBe(ownSeq < OWN)
    expect(incarnation).toBe(ownSeq < OWN ? undefined : FEED_INCARNATION)
    // What it found once is not found again.
    expect((await opened(folder)).repair).toBeUndefined()
  })

  test('the database is gone with the folder: it begins anew', async () => {
    const folder = await copyOfSound()
    await rm(databaseFolder(folder), { recursive: true })
    const after = await opened(folder)
    expect(after).toMatchObject({ ownSeq: 0, otherSeq: 0, incarnation: undefined })
    expect(after.repair).toMatchObject({ missing: OWN + OTHERS, ownLost: true })
  })
})

test('views are made anew after a repair', async () => {
  const folder = await copyOfSound()
  await rm(await largestFile(folder, MANIFEST))
  expect((await opened(folder)).rows).toBe(0)
})

test('flipped bytes that LevelDB reads without a word are cut out of their feed', async () => {
  const folder = await copyOfSound()
  const { database } = await openFeeds(folder)
  const feed = { node: signerOf('other').nodeId, incarnation: FEED_INCARNATION }
  const bytes = Uint8Array.from(others[4_999]!.bytes)
  bytes[300] = bytes[300]! ^ 1
  await database.entries.put(entryKey(feed, 5_000), bytes)
  await database.heads.del(feedKey(feed))
  await database.close()
  const after = await opened(folder)
  expect(after.repair?.feedsShortened).toBe(1)
  expect(after).toMatchObject({ ownSeq: OWN, otherSeq: 4_999 })
})

test('after a crash a torn log is nothing to repair, and costs no new feed', async () => {
  const folder = await copyOfSound()
  await writeTideMark(folder, SELF, { entries: 10, own: 10, final: false })
  const log = await largestFile(folder, LOG)
  await writeFile(log, (await readFile(log)).subarray(0, -3))
  const after = await opened(folder)
  expect(after.repair).toBeUndefined()
  expect(after.incarnation).toBe(FEED_INCARNATION)
})

test('status tells what was repaired, and what is missing until it is back', async () => {
  const folder = await copyOfSound()
  await cutFile(await largestFile(folder, LOG), 0.5)
  const { database, entries, repair } = await openFeeds(folder)
  const clock = new FakeClock()
  let heads = await entries.heads()
  const lines: string[] = []
  const log = { ...silentLog, info: (message: string) => void lines.push(message) }
  const parts = { dataDir: folder, self: SELF, database, clock, repair }
  const watch = new StorageWatch({ ...parts, log, heads: () => heads })
  watch.start()
  const missing = repair?.missing ?? 0
  expect(missing).toBeGreaterThan(0)
  expect(watch.view()).toMatchObject({ writable: true, missing, repair: { done: 'none', missing } })
  heads = heads.map((head) => ({ ...head, seq: head.node === SELF ? OWN : OTHERS }))
  await clock.advance(10_000)
  expect(watch.view().missing).toBe(0)
  expect(lines).toEqual(['what the database had lost is back'])
  await watch.stop()
  await database.close()
})
