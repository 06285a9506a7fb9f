import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { listDigestOf, listOf } from '../support/piece-list.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import { BLOB_PIECE_BYTES } from '../../src/core/limits.ts'
import { blobPaths } from '../../src/storage/blob-paths.ts'
import { createBlobStore, type DiskBlobStore } from '../../src/storage/blob-store.ts'
import { collect } from '../support/collect.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { tempFolder } from '../support/temp-folder.ts'

const random = seededRandom(9)
const SIZE = 2 * BLOB_PIECE_BYTES + 12_345
const body = random.bytes(SIZE)
const digest = sha256Hex(body)
const plan = { size: SIZE, list: listOf(body) }
const piece = (index: number): Uint8Array =>
  body.slice(index * BLOB_PIECE_BYTES, Math.min(SIZE, (index + 1) * BLOB_PIECE_BYTES))

async function openStore(root: string): Promise<DiskBlobStore> {
  return createBlobStore(root, { random })
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 100_003) yield bytes.subarray(at, at + 100_003)
}

test('pieces in any order make the blob, and what closes up from the front can be read meanwhile', async () => {
  const store = await openStore(await tempFolder())
  const transfer = await store.byPieces(digest, plan)
  expect(await transfer.put(2, piece(2))).toBe(true)
  expect(transfer.checkedUntil(0)).toBe(0)
  expect(await transfer.put(0, piece(0))).toBe(true)
  expect(transfer.checkedUntil(0)).toBe(BLOB_PIECE_BYTES)
  expect(await transfer.read(1_000, 1_010)).toEqual(Buffer.from(body.subarray(1_000, 1_010)))
  await expect(transfer.read(BLOB_PIECE_BYTES, SIZE)).rejects.toThrow(RangeError)
  await expect(transfer.commit()).rejects.toThrow(TypeError)
  expect(await store.size(digest)).toBeUndefined()
  expect(await transfer.put(1, piece(1))).toBe(true)
  expect(await transfer.commit()).toBe(SIZE)
  expect(await transfer.read(0, 10)).toBeUndefined()
  expect(sha256Hex(Buffer.concat(await collect(store.read(digest))))).toBe(digest)
  expect(await store.pieceList(digest)).toEqual(plan.list)
})

test('a wrong piece is refused, and so is one of another length; the right one is taken after', async () => {
  const store = await openStore(await tempFolder())
  const transfer = await store.byPieces(digest, plan)
  const wrong = piece(0)
  wrong[77] = (wrong[77] ?? 0) ^ 1
  expect(await transfer.put(0, wrong)).toBe(false)
  expect(await transfer.put(0, piece(0).subarray(1))).toBe(false)
  expect(transfer.has(0)).toBe(false)
  expect(await transfer.put(0, piece(0))).toBe(true)
  // what comes a second time, whatever it is, changes nothing
  expect(await transfer.put(0, wrong)).toBe(true)
  await transfer.put(1, piece(1))
  await transfer.put(2, piece(2))
  expect(await transfer.commit()).toBe(SIZE)
})

test('a process that died without a word leaves its pieces to the next one, but for what rotted', async () => {
  const root = await tempFolder()
  const first = await (await openStore(root)).byPieces(digest, plan)
  await first.put(0, piece(0))
  await first.put(2, piece(2))
  const second = await (await openStore(root)).byPieces(digest, plan)
  expect([0, 1, 2].map((index) => second.has(index))).toEqual([true, false, true])
  await second.suspend()
  const file = await open(blobPaths(root).pieced(digest), 'r+')
  await file.write(Uint8Array.of(1, 2, 3), 0, 3, 2 * BLOB_PIECE_BYTES + 5_000)
  await file.close()
  const store = await openStore(root)
  const third = await store.byPieces(digest, plan)
  expect([0, 1, 2].map((index) => third.has(index))).toEqual([true, false, false])
  await third.put(1, piece(1))
  await third.put(2, piece(2))
  await third.commit()
  expect(await store.verify(digest)).toBe(true)
  await first.suspend()
})

test('pieces that make another blob than the record says are dropped, all of them', async () => {
  const root = await tempFolder()
  const store = await openStore(root)
  const other = sha256Hex('another blob')
  const transfer = await store.byPieces(other, plan)
  for (const index of [0, 1, 2]) await transfer.put(index, piece(index))
  await expect(transfer.commit()).rejects.toMatchObject({ code: 'BLOB_MISMATCH' })
  expect(await readdir(blobPaths(root).partials)).toEqual([])
  expect(await store.size(other)).toBeUndefined()
})

test('one writer a digest, by pieces or from front to back', async () => {
  const store = await openStore(await tempFolder())
  const transfer = await store.byPieces(digest, plan)
  await expect(store.byPieces(digest, plan)).rejects.toMatchObject({ code: 'STORAGE_BUSY' })
  await expect(store.partial(digest)).rejects.toMatchObject({ code: 'STORAGE_BUSY' })
  await transfer.suspend()
  await transfer.suspend()
  await (await store.partial(digest)).suspend()
})

test('a store that writes a large blob tells its pieces, and keeps their list; of a small one there is none to tell', async () => {
  const root = await tempFolder()
  const store = await openStore(root)
  expect(await store.write(once(body))).toEqual({ digest, size: SIZE, pieces: listDigestOf(body) })
  expect(await store.pieceList(digest)).toEqual(plan.list)
  const small = body.subarray(0, BLOB_PIECE_BYTES)
  expect(await store.write(once(small))).toEqual({ digest: sha256Hex(small), size: BLOB_PIECE_BYTES })
  expect((await collect(store.list())).length).toBe(2)
  await store.remove(digest)
  expect(await store.pieceList(digest)).toBeUndefined()
  await expect(stat(blobPaths(root).pieceList(digest))).rejects.toMatchObject({ code: 'ENOENT' })
})

const damages = [
  { id: 'lost', damage: (list: Uint8Array) => list.subarray(0, 0) },
  { id: 'cut', damage: (list: Uint8Array) => list.subarray(0, -1) },
  {
    id: 'flipped',
    damage: (list: Uint8Array) => Uint8Array.from(list, (byte, at) => (at === 40 ? byte ^ 1 : byte))
  }
]
test.for(damages)('a list that was $id on the disk is made again', async ({ damage }) => {
  const root = await tempFolder()
  const store = await openStore(root)
  await store.write(once(body))
  const path = blobPaths(root).pieceList(digest)
  const good = await readFile(path)
  await writeFile(path, damage(Uint8Array.from(good)))
  const lists = await Promise.all([1, 2, 3].map(() => store.pieceList(digest)))
  expect(lists).toEqual([plan.list, plan.list, plan.list])
  expect(await readFile(path)).toEqual(good)
})
