import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { databaseFolder, madeMarker, SCHEMA_KEY } from '../../src/storage/keys.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { createSmallState } from '../../src/storage/small-state.ts'
import { collect } from '../support/collect.ts'
import { aFeed, someStoredEntries } from '../support/make-entry.ts'
import { tempFolder } from '../support/temp-folder.ts'

async function usedFolder(): Promise<string> {
  const folder = await tempFolder()
  const database = await openDatabase(folder)
  await (await createEntryStore(database)).append(someStoredEntries(aFeed('a'), 1, 50), { sync: true })
  await database.close()
  return folder
}

test('a second node on the same folder is told so', async () => {
  const folder = await tempFolder()
  const first = await openDatabase(folder)
  await expect(openDatabase(folder)).rejects.toMatchObject({
    detail: { code: 'STORAGE_LOCKED', folder: databaseFolder(folder) },
    message: expect.stringContaining('uses this folder: stop it') as string
  })
  await first.close()
})

test('a closed database may be opened again', async () => {
  const folder = await usedFolder()
  const again = await openDatabase(folder)
  expect((await collect((await createEntryStore(again)).all())).length).toBe(50)
  await again.close()
})

const damages: readonly { id: string; damage: (folder: string) => Promise<void> }[] = [
  { id: 'CURRENT is gone', damage: (folder) => rm(join(databaseFolder(folder), 'CURRENT')) },
  { id: 'CURRENT is empty', damage: (folder) => writeFile(join(databaseFolder(folder), 'CURRENT'), '') },
  { id: 'the whole database is gone', damage: (folder) => rm(databaseFolder(folder), { recursive: true }) },
  { id: 'another, empty database lies there', damage: putEmptyDatabase }
]
test.for(damages)('says how to start over when $id', async ({ damage }) => {
  const folder = await usedFolder()
  await damage(folder)
  await expect(openDatabase(folder)).rejects.toMatchObject({
    code: 'STORAGE_CORRUPT',
    message: expect.stringContaining('start the node again') as string
  })
  await expect(openDatabase(folder)).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
})

async function putEmptyDatabase(folder: string): Promise<void> {
  const other = await tempFolder()
  const database = await openDatabase(other)
  await database.meta.del(SCHEMA_KEY)
  await database.close()
  await rm(databaseFolder(folder), { recursive: true })
  await cp(databaseFolder(other), databaseFolder(folder), { recursive: true })
}

test('a flipped byte in a table file is told when it is read', async () => {
  const folder = await usedFolder()
  // Opening moves what is in the log into a table file.
  await (await openDatabase(folder)).close()
  const names = await readdir(databaseFolder(folder))
  const table = join(
    databaseFolder(folder),
    names.find((name) => name.endsWith('.ldb'))!
  )
  const bytes = await readFile(table)
  bytes[40] = bytes[40]! ^ 0xff
  await writeFile(table, bytes)

  const read = async (): Promise<void> => {
    const database = await openDatabase(folder)
    try {
      await collect((await createEntryStore(database)).all())
    } finally {
      await database.close()
    }
  }
  // LevelDB itself may pass over a broken block without a word: then the hole is what shows.
  await expect(read()).rejects.toThrow(/^STORAGE_(CORRUPT|FEED_BROKEN) .*start the node again/)
})

test('a crash between making the database and marking it does no harm', async () => {
  const folder = await usedFolder()
  await rm(madeMarker(folder))
  const database = await openDatabase(folder)
  expect((await (await createEntryStore(database)).heads()).length).toBe(1)
  await database.close()
  expect(await readdir(folder)).toContain('ledger.made')
})

test('a database of another version is left alone', async () => {
  const folder = await usedFolder()
  const database = await openDatabase(folder)
  await database.meta.put(SCHEMA_KEY, new TextEncoder().encode('99'))
  await database.close()
  await expect(openDatabase(folder)).rejects.toMatchObject({
    detail: { code: 'STORAGE_SCHEMA', found: '99', known: 1 }
  })
})

test('a folder that cannot be made is named', async () => {
  const folder = join(await usedFolder(), 'ledger.made')
  await expect(openDatabase(folder)).rejects.toMatchObject({ code: 'STORAGE_IO' })
})

test('small state: unknown, written, written over, and there after a restart', async () => {
  const folder = await tempFolder()
  const database = await openDatabase(folder)
  const state = createSmallState(database)
  expect(await state.get('witness')).toBeUndefined()
  await state.put('witness', new Uint8Array([1]), { sync: true })
  await state.put('witness', new Uint8Array([2, 3]), { sync: true })
  await database.close()

  const again = await openDatabase(folder)
  expect([...((await createSmallState(again).get('witness')) ?? [])]).toEqual([2, 3])
  await again.close()
})
