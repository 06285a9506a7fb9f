import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { Level } from 'level'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Dice } from '../../src/simulation/seeded-random.ts'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { databaseFolder, entryKey } from '../../src/storage/keys.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { repairApart } from '../../src/storage/repair-apart.ts'
import { repairDatabase } from '../../src/storage/repair-database.ts'
import { collect } from '../support/collect.ts'
import { aFeed, someStoredEntries } from '../support/make-entry.ts'
import { tempFolder } from '../support/temp-folder.ts'

const pi1 = aFeed('a')
const pi2 = aFeed('b')
const NOTHING_LOST = { entries: 1_000, shortened: [], missing: 0, orphans: 0, salvaged: 0 }

async function usedFolder(): Promise<string> {
  const folder = await tempFolder()
  const database = await openDatabase(folder)
  const store = await createEntryStore(database)
  await store.append([...someStoredEntries(pi1, 1, 500), ...someStoredEntries(pi2, 1, 500)], { sync: true })
  await database.close()
  // Opening moves what is in the log into a table file.
  await (await openDatabase(folder)).close()
  return folder
}

async function entriesIn(folder: string): Promise<number> {
  const database = await openDatabase(folder)
  try {
    return (await collect((await createEntryStore(database)).all())).length
  } finally {
    await database.close()
  }
}

async function fileIn(folder: string, pattern: RegExp): Promise<string> {
  const names = await readdir(databaseFolder(folder))
  return join(
    databaseFolder(folder),
    names.find((name) => pattern.test(name))!
  )
}

test('a sound database stays as it is', async () => {
  const folder = await usedFolder()
  expect(await repairDatabase(folder)).toEqual(NOTHING_LOST)
  expect(await entriesIn(folder)).toBe(1_000)
})

const lostNames = [
  { id: 'CURRENT', pattern: /^CURRENT$/ },
  { id: 'the manifest', pattern: /^MANIFEST-/ }
]
test.for(lostNames)('all comes back when $id is lost', async ({ pattern }) => {
  const folder = await usedFolder()
  await rm(await fileIn(folder, pattern))
  await expect(entriesIn(folder)).rejects.toThrow(/start the node again|STORAGE_IO/)
  expect(await repairDatabase(folder)).toEqual(NOTHING_LOST)
  expect(await entriesIn(folder)).toBe(1_000)
})

test('after a flipped byte what is left is whole feeds or their beginnings', async () => {
  const folder = await usedFolder()
  const table = await fileIn(folder, /\.ldb$/)
  const bytes = await readFile(table)
  const middle = Math.floor(bytes.byteLength / 2)
  bytes[middle] = bytes[middle]! ^ 0xff
  await writeFile(table, bytes)
  const { entries } = await repairDatabase(folder)
  expect(entries).toBeLessThan(1_000)
  expect(await entriesIn(folder)).toBe(entries)
})

test('a feed with a hole is kept up to it', async () => {
  const folder = await usedFolder()
  const database = await openDatabase(folder)
  await database.entries.del(entryKey(pi1, 301))
  await database.close()
  await expect(entriesIn(folder)).rejects.toMatchObject({ code: 'STORAGE_FEED_BROKEN' })
  expect(await repairDatabase(folder)).toEqual({
    entries: 800,
    missing: 200,
    orphans: 0,
    salvaged: 0,
    shortened: [{ feed: `${pi1.node}/${pi1.incarnation}`, seq: 300, dropped: 199 }]
  })
  expect(await entriesIn(folder)).toBe(800)
})

test('not while a node runs', async () => {
  const folder = await usedFolder()
  const database = await openDatabase(folder)
  await expect(repairDatabase(folder)).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
  await database.close()
})

/** Two writes of one key whose numbers are made equal: LevelDB asserts that they differ while it repairs, and ends its process. */
async function folderThatKills(): Promise<string> {
  const folder = join(await tempFolder(), 'level')
  const level = new Level<string, string>(folder)
  await level.put('key', 'one')
  await level.put('key', 'two')
  await level.close()
  const name = (await readdir(folder)).find((one) => one.endsWith('.log'))!
  const bytes = await readFile(join(folder, name))
  // A record: checksum (4), length (2), type (1), then the batch, which begins with its number (8).
  const second = 7 + bytes.readUInt16LE(4)
  bytes.copy(bytes, second + 7, 7, 15)
  await writeFile(join(folder, name), bytes)
  return folder
}

test('a repair that ends its process does not end the node', async () => {
  await expect(repairApart(await folderThatKills())).rejects.toThrow('STORAGE_CORRUPT')
})

test.for(Array.from({ length: 40 }, (_, at) => at + 1))(
  'random flips, number %i, leave something that opens and is sound',
  async (seed) => {
    const folder = await usedFolder()
    const database = await openDatabase(folder)
    const store = await createEntryStore(database)
    for (let seq = 501; seq <= 560; seq++)
      await store.append([...someStoredEntries(pi1, seq, seq), ...someStoredEntries(pi2, seq, seq)], {
        sync: true
      })
    await database.close()
    const dice = new Dice(seed, 'flips')
    for (const name of (await readdir(databaseFolder(folder))).filter((one) =>
      /\.(ldb|log)$|^MANIFEST/.test(one)
    )) {
      const file = join(databaseFolder(folder), name)
      const bytes = await readFile(file)
      if (bytes.length === 0) continue
      for (let flip = 0; flip < 3; flip++) bytes[dice.whole(0, bytes.length - 1)]! ^= dice.whole(1, 255)
      await writeFile(file, bytes)
    }
    const outcome = await repairDatabase(folder).then(
      ({ entries }) => entries,
      (error: unknown) => String(error)
    )
    if (typeof outcome === 'number') expect(await entriesIn(folder)).toBe(outcome)
    else expect(outcome).toMatch(/STORAGE_(CORRUPT|FEED_BROKEN)/)
  }
)
