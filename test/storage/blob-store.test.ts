import { mkdir, open, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import type { Sha256 } from '../../src/core/ids.ts'
import { BLOB_CHUNK_BYTES } from '../../src/core/limits.ts'
import { blobPaths } from '../../src/storage/blob-paths.ts'
import { createBlobStore, type DiskBlobStore } from '../../src/storage/blob-store.ts'
import { collect } from '../support/collect.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { tempFolder } from '../support/temp-folder.ts'

const random = seededRandom(7)
const text = (words: string): Uint8Array => new TextEncoder().encode(words)
const hello = text('hello')
const helloDigest = sha256Hex(hello)
const unknown = sha256Hex('nobody wrote this')

async function* inChunks(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

async function openStore(root?: string): Promise<{ store: DiskBlobStore; root: string }> {
  const folder = root ?? (await tempFolder())
  return { store: await createBlobStore(folder, { random }), root: folder }
}

const readAll = async (store: DiskBlobStore, digest: Sha256, range = {}): Promise<string> =>
  Buffer.concat(await collect(store.read(digest, range))).toString()

const filesIn = async (root: string): Promise<readonly string[]> =>
  (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)

test('a blob comes back as it went in, under its digest', async () => {
  const { store } = await openStore()
  expect(await store.write(inChunks(text('he'), text(''), text('llo')))).toEqual({
    digest: helloDigest,
    size: 5
  })
  expect(await store.size(helloDigest)).toBe(5)
  expect(await readAll(store, helloDigest)).toBe('hello')
  expect(await store.verify(helloDigest)).toBe(true)
})

test('an empty blob is a blob', async () => {
  const { store } = await openStore()
  const { digest } = await store.write(inChunks())
  expect(await store.size(digest)).toBe(0)
  expect(await readAll(store, digest)).toBe('')
})

test('a blob of many chunks', async () => {
  const { store } = await openStore()
  const bytes = random.bytes(BLOB_CHUNK_BYTES * 2 + 17)
  const { digest } = await store.write(inChunks(bytes.subarray(0, 100_000), bytes.subarray(100_000)))
  expect(digest).toBe(sha256Hex(bytes))
  const chunks = await collect(store.read(digest))
  expect(chunks.map((chunk) => chunk.byteLength)).toEqual([BLOB_CHUNK_BYTES, BLOB_CHUNK_BYTES, 17])
  expect(sha256Hex(Buffer.concat(chunks))).toBe(digest)
})

const ranges = [
  { range: { start: 1 }, words: 'ello' },
  { range: { end: 2 }, words: 'he' },
  { range: { start: 1, end: 3 }, words: 'el' },
  { range: { start: 3, end: 99 }, words: 'lo' },
  { range: { start: 9 }, words: '' }
]
test.for(ranges)('range $range gives $words', async ({ range, words }) => {
  const { store } = await openStore()
  await store.write(inChunks(hello))
  expect(await readAll(store, helloDigest, range)).toBe(words)
})

test('what is not held: no size, BLOB_MISSING when read or verified, removing it is fine', async () => {
  const { store } = await openStore()
  expect(await store.size(unknown)).toBeUndefined()
  await expect(readAll(store, unknown)).rejects.toMatchObject({ code: 'BLOB_MISSING' })
  await expect(store.verify(unknown)).rejects.toMatchObject({ code: 'BLOB_MISSING' })
  await store.remove(unknown)
})

const refusals = [
  { id: 'other bytes than promised', options: { expected: unknown }, code: 'BLOB_MISMATCH' },
  { id: 'more bytes than allowed', options: { maxBytes: 4 }, code: 'BLOB_TOO_LARGE' }
]
test.for(refusals)('refuses $id and keeps nothing', async ({ options, code }) => {
  const { store, root } = await openStore()
  await expect(store.write(inChunks(text('he'), text('llo')), options)).rejects.toMatchObject({ code })
  expect(await filesIn(root)).toEqual([])
})

test('a source that breaks is passed on as it is, and nothing stays', async () => {
  const { store, root } = await openStore()
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })
  async function* breaking(): AsyncGenerator<Uint8Array> {
    yield hello
    throw reset
  }
  await expect(store.write(breaking())).rejects.toBe(reset)
  expect(await filesIn(root)).toEqual([])
})

test('an exact size is allowed, an expected digest is met', async () => {
  const { store } = await openStore()
  const options = { maxBytes: 5, expected: helloDigest }
  expect(await store.write(inChunks(hello), options)).toEqual({ digest: helloDigest, size: 5 })
})

test('the same blob written by many at once is there once', async () => {
  const { store, root } = await openStore()
  await Promise.all(Array.from({ length: 8 }, () => store.write(inChunks(hello))))
  expect(await filesIn(root)).toEqual([helloDigest])
})

test('list and remove', async () => {
  const { store } = await openStore()
  const bodies = ['a', 'bb', 'ccc'].map(text)
  for (const body of bodies) await store.write(inChunks(body))
  const expected = bodies.map((body) => ({ digest: sha256Hex(body), size: body.byteLength }))
  const bySize = (a: { size: number }, b: { size: number }): number => a.size - b.size
  expect((await collect(store.list())).toSorted(bySize)).toEqual(expected)
  await store.remove(sha256Hex('bb'))
  expect((await collect(store.list())).length).toBe(2)
})

test('a flipped byte is found', async () => {
  const { store, root } = await openStore()
  await store.write(inChunks(hello))
  const file = await open(blobPaths(root).blob(helloDigest), 'r+')
  await file.write('j', 0)
  await file.close()
  expect(await store.verify(helloDigest)).toBe(false)
})

test('a blob that gets shorter while it is read is told, not passed on as whole', async () => {
  const { store, root } = await openStore()
  const { digest } = await store.write(inChunks(random.bytes(BLOB_CHUNK_BYTES * 2)))
  const read = async (): Promise<void> => {
    for await (const chunk of store.read(digest)) {
      expect(chunk.byteLength).toBe(BLOB_CHUNK_BYTES)
      const file = await open(blobPaths(root).blob(digest), 'r+')
      await file.truncate(BLOB_CHUNK_BYTES)
      await file.close()
    }
  }
  await expect(read()).rejects.toMatchObject({ code: 'STORAGE_IO' })
})

test('a part at once: only of a blob that is here and as long as it should be', async () => {
  const { store, root } = await openStore()
  const { digest } = await store.write(inChunks(text('hello world')))
  const part = async (start: number, end: number, size = 11): Promise<string | undefined> => {
    const bytes = await store.readPart(digest, { start, end, size })
    return bytes && Buffer.from(bytes).toString()
  }
  expect([await part(0, 11), await part(6, 11), await part(3, 3)]).toEqual(['hello world', 'world', ''])
  expect([await part(0, 10, 10), await part(0, 12, 12), await part(5, 12)]).toEqual([
    undefined,
    undefined,
    undefined
  ])
  await store.remove(digest)
  expect(await part(0, 11)).toBeUndefined()
  await rm(root, { recursive: true })
  await writeFile(root, 'no folder')
  await expect(part(0, 11)).rejects.toMatchObject({ code: 'STORAGE_IO' })
})

test('what is no digest never becomes a path', async () => {
  const { store } = await openStore()
  await expect(store.size('../../etc/passwd' as Sha256)).rejects.toThrow(TypeError)
})

test('what a dead process left half-written is swept, finished blobs and foreign files stay', async () => {
  const { store, root } = await openStore()
  await store.write(inChunks(hello))
  await writeFile(join(blobPaths(root).temporary, 'torn'), 'half')
  await writeFile(join(root, 'README'), 'by hand')
  const { store: again } = await openStore(root)
  expect([...(await filesIn(root))].sort()).toEqual([helloDigest, 'README'].sort())
  expect(await readAll(again, helloDigest)).toBe('hello')
})

test('broken transfers are kept over a restart: only digests, only the newest, only of what is not held', async () => {
  const { store, root } = await openStore()
  await store.write(inChunks(hello))
  const { partials } = blobPaths(root)
  await mkdir(partials, { recursive: true })
  const names = Array.from({ length: 70 }, (_, index) => sha256Hex(`partial ${index}`))
  for (const [index, name] of [...names, helloDigest, 'not-a-digest'].entries()) {
    await writeFile(join(partials, name), 'x')
    await utimes(join(partials, name), 1_000 + index, 1_000 + index)
  }
  await openStore(root)
  const kept = await readdir(partials)
  expect(kept).not.toContain('not-a-digest')
  expect(kept).not.toContain(helloDigest)
  expect(kept.length).toBeLessThanOrEqual(64)
  expect(kept).toContain(names[69])
  expect(kept).not.toContain(names[0])
})
