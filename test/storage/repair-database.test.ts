import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { databaseFolder, entryKey } from '../../src/storage/keys.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { repairDatabase } from '../../src/storage/repair-database.ts'
import { collect } from '../support/collect.ts'
import { aFeed, someStoredEntries } from '../support/make-entry.ts'
import { tempFolder } from '../support/temp-folder.ts'

const pi1 = aFeed('a')
const pi2 = aFeed('b')

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
  expect(await repairDatabase(folder)).toEqual({ entries: 1_000, shortened: [] })
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
  expect(await repairDatabase(folder)).toEqual({ entries: 1_000, shortened: [] })
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
