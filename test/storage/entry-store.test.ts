import { MemoryLevel } from 'memory-level'
import { expect, test, vi, type Mock } from 'vitest'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { encodeHead, entryKey, feedKey } from '../../src/storage/keys.ts'
import { openDatabase, useDatabase, type Database } from '../../src/storage/open-database.ts'
import { collect } from '../support/collect.ts'
import { entryStoreContract } from '../support/entry-store-contract.ts'
import { aFeed, aStoredEntry, someStoredEntries } from '../support/make-entry.ts'
import { tempFolder } from '../support/temp-folder.ts'

const pi1 = aFeed('a')
const pi2 = aFeed('b')

async function memoryDatabase(): Promise<Database> {
  const level = new MemoryLevel<string, Uint8Array>({ valueEncoding: 'view' })
  return useDatabase(level, { folder: 'memory', made: false })
}

entryStoreContract('memory-level', async () => {
  const database = await memoryDatabase()
  return { store: await createEntryStore(database), close: () => database.close() }
})

entryStoreContract('level', async () => {
  const database = await openDatabase(await tempFolder())
  return { store: await createEntryStore(database), close: () => database.close() }
})

test('what was appended is there after closing and opening again', async () => {
  const folder = await tempFolder()
  const before = await openDatabase(folder)
  await (await createEntryStore(before)).append(someStoredEntries(pi1, 1, 20), { sync: false })
  await before.close()

  const after = await openDatabase(folder)
  const store = await createEntryStore(after)
  expect(await store.heads()).toEqual([{ ...pi1, seq: 20, hash: aStoredEntry(pi1, 20).hash }])
  expect((await collect(store.all())).length).toBe(20)
  await store.append([aStoredEntry(pi1, 21)], { sync: true })
  await after.close()
})

/** Ways in which LevelDB may have lost something without a word, and how the store then names the feed. */
const losses: readonly { id: string; lose: (database: Database) => Promise<void>; found: string }[] = [
  {
    id: 'the last entry is gone',
    lose: (database) => database.entries.del(entryKey(pi2, 5)),
    found: 'expected=5 found=4'
  },
  {
    id: 'all entries of a feed are gone',
    lose: (database) => database.entries.clear({ gte: feedKey(pi2) }),
    found: 'expected=5 found=0'
  },
  {
    id: 'the head is gone',
    lose: (database) => database.heads.del(feedKey(pi2)),
    found: 'expected=0 found=5'
  },
  {
    id: 'the head is an older one',
    lose: (database) => database.heads.put(feedKey(pi2), encodeHead(aStoredEntry(pi2, 4))),
    found: 'expected=4 found=5'
  },
  {
    id: 'the last entry has other bytes',
    lose: (database) => database.entries.put(entryKey(pi2, 5), new Uint8Array([1, 2, 3])),
    found: 'expected=5 found=5'
  }
]
test.for(losses)('refuses to open when $id', async ({ lose, found }) => {
  const database = await memoryDatabase()
  const store = await createEntryStore(database)
  await store.append([...someStoredEntries(pi1, 1, 5), ...someStoredEntries(pi2, 1, 5)], { sync: false })
  await lose(database)
  const refusal = await createEntryStore(database).catch((error: unknown) => String(error))
  expect(refusal).toContain(`STORAGE_FEED_BROKEN feed=${pi2.node}/0000000000000000 ${found}`)
  expect(refusal).toContain('start the node again')
})

test('a hole in the middle shows when the entries are read', async () => {
  const database = await memoryDatabase()
  const store = await createEntryStore(database)
  await store.append(someStoredEntries(pi1, 1, 5), { sync: false })
  await database.entries.del(entryKey(pi1, 3))
  const broken = { detail: { code: 'STORAGE_FEED_BROKEN', expected: 3, found: 4 } }
  await expect(collect(store.all())).rejects.toMatchObject(broken)
  await expect(collect(store.range(pi1, 2))).rejects.toMatchObject(broken)
  await expect(collect(store.range(pi1, 3))).rejects.toMatchObject(broken)
  await expect(collect(store.range(pi1, 2, 3))).rejects.toMatchObject({ detail: { expected: 3, found: 2 } })
  expect((await collect(store.range(pi1, 4))).length).toBe(2)
})

test('reading goes on over what is appended meanwhile', async () => {
  const database = await memoryDatabase()
  const store = await createEntryStore(database)
  await store.append(someStoredEntries(pi1, 1, 100), { sync: false })
  const seen: number[] = []
  for await (const { seq } of store.all()) {
    seen.push(seq)
    if (seq === 50) await store.append(someStoredEntries(pi1, 101, 120), { sync: false })
  }
  expect(seen.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
})

test('a failed write is told to its caller and leaves the heads as they were', async () => {
  const database = await memoryDatabase()
  const store = await createEntryStore(database)
  await store.append([aStoredEntry(pi1, 1)], { sync: false })
  const failing = failNextWrite(database)
  await expect(store.append([aStoredEntry(pi1, 2)], { sync: true })).rejects.toMatchObject({
    code: 'STORAGE_FULL'
  })
  expect(failing).toHaveBeenCalledTimes(1)
  expect((await store.heads()).map(({ seq }) => seq)).toEqual([1])
})

/** The next batch is not written, as on a full disk. */
function failNextWrite(database: Database): Mock {
  const real = database.level.batch.bind(database.level) as () => { write(): Promise<void> }
  return vi.spyOn(database.level, 'batch').mockImplementationOnce((() => {
    const batch = real()
    batch.write = () => Promise.reject(new Error('IO error: /x/000003.log: No space left on device'))
    return batch
  }) as never)
}

/** LevelDB refuses every write after a failed one until it is opened anew. */
test('after a failed write nothing reaches the database until it was opened anew; then what waited goes through', async () => {
  const database = await openDatabase(await tempFolder())
  const store = await createEntryStore(database)
  await store.append([aStoredEntry(pi1, 1)], { sync: true })
  const failing = failNextWrite(database)
  const refusal = await store.append([aStoredEntry(pi1, 2)], { sync: true }).catch((error: unknown) => error)
  const told: string[] = []
  const waiting = store.whenWritable?.(refusal)?.then(() => told.push('writable'))
  expect(waiting).toBeDefined()
  await expect(store.append([aStoredEntry(pi1, 2)], { sync: true })).rejects.toMatchObject({
    code: 'STORAGE_FULL'
  })
  expect(failing).toHaveBeenCalledTimes(1)

  const stillFull = async (): Promise<void> => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write'
    })
  }
  const fine = async (): Promise<void> => undefined
  expect(await database.health.tryAgain({ probe: stillFull, write: fine })).toBe(false)
  expect(told).toEqual([])
  const write = async (): Promise<void> => database.meta.put('probe', new Uint8Array(1))
  expect(await database.health.tryAgain({ probe: fine, write })).toBe(true)
  await waiting
  expect(told).toEqual(['writable'])
  await store.append([aStoredEntry(pi1, 2)], { sync: true })
  expect((await collect(store.all())).map(({ seq }) => seq)).toEqual([1, 2])
  expect(database.health.writeTrouble).toBeUndefined()
  await database.close()
})

test('an entry in the wrong place is nothing that waiting cures', async () => {
  const store = await createEntryStore(await memoryDatabase())
  const refusal = await store.append([aStoredEntry(pi1, 7)], { sync: true }).catch((error: unknown) => error)
  expect(store.whenWritable?.(refusal)).toBeUndefined()
  await store.append([aStoredEntry(pi1, 1)], { sync: true })
})
