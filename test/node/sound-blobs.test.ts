import { createHash } from 'node:crypto'
import { open, truncate } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { Sha256 } from '../../src/core/ids.ts'
import { BLOB_PIECE_BYTES } from '../../src/core/limits.ts'
import { SoundBlobs } from '../../src/node/sound-blobs.ts'
import { blobPaths } from '../../src/storage/blob-paths.ts'
import { createBlobStore, type DiskBlobStore } from '../../src/storage/blob-store.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { FakeClock, silentLog } from '../support/test-ports.ts'

const DAY_MS = 24 * 3600 * 1000
const LARGE = BLOB_PIECE_BYTES + 300_000

interface Shelf {
  readonly store: DiskBlobStore
  readonly clock: FakeClock
  readonly sound: SoundBlobs
  readonly rotted: Sha256[]
  readonly put: (bytes: Uint8Array) => Promise<Sha256>
  /** One byte is another one now. */
  readonly rot: (digest: Sha256, at: number) => Promise<void>
  /** Its end is lost. */
  readonly truncate: (digest: Sha256, size: number) => Promise<void>
}

/** `mend`: what the node does when told that a blob has rotted, beside taking it away. */
async function shelf(mend: (put: Shelf['put']) => Promise<unknown> = async () => undefined): Promise<Shelf> {
  const root = await tempFolder()
  const store = await createBlobStore(root, { random: seededRandom(1) })
  const clock = new FakeClock()
  const rotted: Sha256[] = []
  const put = async (bytes: Uint8Array): Promise<Sha256> => {
    const { digest } = await store.write(
      (async function* () {
        yield bytes
      })()
    )
    return digest
  }
  const sound = new SoundBlobs({
    store,
    clock,
    log: silentLog,
    rotted: async (digest) => {
      rotted.push(digest)
      await store.remove(digest)
      await mend(put)
    }
  })
  return {
    store,
    clock,
    sound,
    rotted,
    put,
    truncate: (digest, size) => truncate(blobPaths(root).blob(digest), size),
    async rot(digest, at) {
      const file = await open(blobPaths(root).blob(digest), 'r+')
      const byte = Buffer.alloc(1)
      await file.read(byte, 0, 1, at)
      await file.write(Buffer.of(byte.readUInt8() ^ 1), 0, 1, at)
      await file.close()
    }
  }
}

async function bytesOf(chunks: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks ?? []) parts.push(chunk)
  return Buffer.concat(parts)
}

function noise(length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update('noise').digest()
}

test('sound bytes come whole, and in part', async () => {
  const { sound, put, rotted } = await shelf()
  for (const bytes of [Buffer.from('a small wheel'), noise(LARGE)]) {
    const digest = await put(bytes)
    const whole = await sound.open(digest)
    expect(whole?.size).toBe(bytes.length)
    expect((await bytesOf(whole?.chunks)).equals(bytes)).toBe(true)
    const part = await sound.open(digest, { start: 2, end: 7 })
    expect(await bytesOf(part?.chunks)).toEqual(bytes.subarray(2, 7))
  }
  expect(rotted).toEqual([])
})

test('a blob that is not here is not here', async () => {
  const { sound } = await shelf()
  expect(await sound.open('0'.repeat(64) as Sha256)).toBeUndefined()
})

test.for([undefined, { start: 0, end: 5 }])(
  'a small one that rotted is replaced before a byte goes out: %o',
  async (range) => {
    const bytes = Buffer.from('a small wheel')
    const { sound, put, rot, rotted } = await shelf((put) => put(bytes))
    const digest = await put(bytes)
    await rot(digest, 3)
    const opened = await sound.open(digest, range)
    expect(await bytesOf(opened?.chunks)).toEqual(bytes.subarray(0, range?.end))
    expect(rotted).toEqual([digest])
  }
)

test('one that nobody else has is as good as gone', async () => {
  const { sound, put, rot } = await shelf()
  const digest = await put(Buffer.from('a small wheel'))
  await rot(digest, 0)
  expect(await sound.open(digest)).toBeUndefined()
})

test('of a large one that rotted nobody gets the end, and who asks again gets the other copy', async () => {
  const bytes = noise(LARGE)
  const { sound, put, rot, rotted, store } = await shelf((put) => put(bytes))
  const digest = await put(bytes)
  await rot(digest, 1_000)
  const opened = await sound.open(digest)
  let got = 0
  await expect(
    (async () => {
      for await (const chunk of opened?.chunks ?? []) got += chunk.byteLength
    })()
  ).rejects.toThrow('rotted')
  expect(got).toBeLessThan(LARGE)
  await expect.poll(() => store.verify(digest).catch(() => false)).toBe(true)
  expect(rotted).toEqual([digest])
  expect((await bytesOf((await sound.open(digest))?.chunks)).equals(bytes)).toBe(true)
})

test('what was right is read through again a day later', async () => {
  const bytes = Buffer.from('a small wheel')
  const { sound, put, rot, rotted, clock } = await shelf((put) => put(bytes))
  const digest = await put(bytes)
  await sound.open(digest)
  await rot(digest, 3)
  await sound.open(digest)
  expect(rotted).toEqual([])
  await clock.advance(DAY_MS)
  const opened = await sound.open(digest)
  expect(await bytesOf(opened?.chunks)).toEqual(bytes)
  expect(rotted).toEqual([digest])
})

test('a part is given at once of what was right lately, and of nothing else', async () => {
  const bytes = Buffer.from('a small wheel')
  const { sound, put, clock } = await shelf()
  const digest = await put(bytes)
  const part = { start: 2, end: 7, size: bytes.length }
  expect(sound.part(digest, part)).toBeUndefined()
  await sound.open(digest)
  expect(await sound.part(digest, part)).toEqual(bytes.subarray(2, 7))
  await clock.advance(DAY_MS)
  expect(sound.part(digest, part)).toBeUndefined()
})

test('no part of what has another size by now, and it is read through before it is given again', async () => {
  const bytes = Buffer.from('a small wheel')
  const { sound, store, put, truncate, rotted } = await shelf((put) => put(bytes))
  const digest = await put(bytes)
  const part = { start: 0, end: 3, size: bytes.length }
  await sound.open(digest)
  await truncate(digest, 5)
  expect(await sound.part(digest, part)).toBeUndefined()
  expect(sound.part(digest, part)).toBeUndefined()
  expect(await bytesOf((await sound.open(digest))?.chunks)).toEqual(bytes)
  expect(rotted).toEqual([digest])
  expect(await sound.part(digest, part)).toEqual(bytes.subarray(0, 3))
  await store.remove(digest)
  expect(await sound.part(digest, part)).toBeUndefined()
})
