import { readdir, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { blobPaths } from '../../src/storage/blob-paths.ts'
import { createBlobStore, type DiskBlobStore } from '../../src/storage/blob-store.ts'
import { collect } from '../support/collect.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { tempFolder } from '../support/temp-folder.ts'

const random = seededRandom(8)
const body = random.bytes(300_000)
const digest = sha256Hex(body)

async function openStore(root: string): Promise<DiskBlobStore> {
  return createBlobStore(root, { random })
}

test('a transfer in one go', async () => {
  const store = await openStore(await tempFolder())
  const transfer = await store.partial(digest)
  expect(transfer.offset).toBe(0)
  await transfer.append(body.subarray(0, 100))
  expect(await store.size(digest)).toBeUndefined()
  await transfer.append(body.subarray(100))
  expect(await transfer.commit()).toBe(300_000)
  expect(sha256Hex(Buffer.concat(await collect(store.read(digest))))).toBe(digest)
})

test('a broken transfer goes on where it stopped, also in another process', async () => {
  const root = await tempFolder()
  const first = await (await openStore(root)).partial(digest)
  await first.append(body.subarray(0, 1_000))
  await first.suspend()

  const second = await (await openStore(root)).partial(digest)
  expect(second.offset).toBe(1_000)
  await second.append(body.subarray(1_000, 2_000))

  // This one died without a word.
  const store = await openStore(root)
  const third = await store.partial(digest)
  expect(third.offset).toBe(2_000)
  await third.append(body.subarray(third.offset))
  await third.commit()
  expect(await store.verify(digest)).toBe(true)
  await second.suspend()
})

test('wrong bytes are dropped, so that the next try starts anew', async () => {
  const root = await tempFolder()
  const store = await openStore(root)
  const transfer = await store.partial(digest)
  await transfer.append(random.bytes(300_000))
  await expect(transfer.commit()).rejects.toMatchObject({ code: 'BLOB_MISMATCH' })
  expect(await store.size(digest)).toBeUndefined()
  expect(await readdir(blobPaths(root).partials)).toEqual([])
  const again = await store.partial(digest)
  expect(again.offset).toBe(0)
  await again.suspend()
})

test('bytes that rotted between two tries are found by the digest', async () => {
  const root = await tempFolder()
  await openStore(root)
  await writeFile(blobPaths(root).partial(digest), random.bytes(1_000))
  const transfer = await (await openStore(root)).partial(digest)
  await transfer.append(body.subarray(1_000))
  await expect(transfer.commit()).rejects.toMatchObject({ code: 'BLOB_MISMATCH' })
})

test('one writer at a time; the next may begin once the first is through', async () => {
  const store = await openStore(await tempFolder())
  const first = await store.partial(digest)
  await expect(store.partial(digest)).rejects.toMatchObject({ code: 'STORAGE_BUSY' })
  await first.suspend()
  await first.suspend()
  const second = await store.partial(digest)
  await second.append(body)
  await second.commit()
  const third = await store.partial(digest)
  await third.suspend()
})

test('a transfer that is over takes no more', async () => {
  const store = await openStore(await tempFolder())
  const transfer = await store.partial(digest)
  await transfer.suspend()
  await expect(transfer.append(body)).rejects.toThrow(TypeError)
  await expect(transfer.commit()).rejects.toThrow(TypeError)
})
