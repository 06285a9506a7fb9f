import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, get } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Sha256 } from '../../src/core/ids.ts'
import { BLOB_CHUNK_BYTES } from '../../src/core/limits.ts'
import type { FileSource } from '../../src/http/file-routes.ts'
import { createHttpServer, type HttpServer } from '../../src/http/server.ts'
import { createBlobStore, type DiskBlobStore } from '../../src/storage/blob-store.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { testApp } from './http-fixtures.ts'

const NAME = 'demo-1.0-py3-none-any.whl'
/** More than the kernel's buffers of one connection hold. */
const SLOW_BYTES = 12 * 1024 * 1024
const sizes = new Map<string, number>()
/** Memory that chunks of files came in. */
const seen = new Set<ArrayBufferLike>()
let store: DiskBlobStore
let server: HttpServer

const files: FileSource = {
  find: (digest) => ({ filename: NAME, size: sizes.get(digest) ?? 0, metadata: digest, metadataSize: 1 }),
  part: async (digest, part) => noted(await store.readPart(digest, part)),
  open: async (digest, range, options) => ({
    size: sizes.get(digest) ?? 0,
    chunks: notedAll(store.read(digest, { ...range, buffers: options?.buffers }))
  })
}

function noted<T extends Uint8Array | undefined>(bytes: T): T {
  if (bytes !== undefined) seen.add(bytes.buffer)
  return bytes
}

async function* notedAll(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield noted(chunk)
}

async function stored(bytes: number): Promise<Sha256> {
  const { digest } = await store.write(
    (async function* () {
      yield randomBytes(bytes)
    })()
  )
  sizes.set(digest, bytes)
  return digest
}

async function ask(digest: Sha256): Promise<IncomingMessage> {
  const request = get({ host: '127.0.0.1', port: server.address().port, path: `/files/${digest}/${NAME}` })
  // what is broken off on purpose fails later
  request.on('error', () => undefined)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response.on('error', () => undefined)
}

async function digestOf(response: IncomingMessage): Promise<string> {
  return createHash('sha256')
    .update(await buffer(response))
    .digest('hex')
}

beforeEach(async () => {
  store = await createBlobStore(await tempFolder(), { random: seededRandom(9) })
  server = createHttpServer(testApp({ files }).app, { host: '127.0.0.1', port: 0, closeGraceMs: 100 })
  await server.start()
})
afterEach(() => server.stop())

test('one after the other reads into the same memory', async () => {
  const large = await stored(4 * BLOB_CHUNK_BYTES)
  const small = await stored(BLOB_CHUNK_BYTES / 4)
  seen.clear()
  for (let round = 0; round < 10; round++) {
    expect(await digestOf(await ask(large))).toBe(large)
    expect(await digestOf(await ask(small))).toBe(small)
  }
  expect(seen.size).toBeLessThanOrEqual(5)
})

test('who reads slowly gets the right bytes while many others read, and some of them go away', async () => {
  const slow = await stored(SLOW_BYTES)
  const others = await Promise.all([1, 2, 3, 4.5, 0.25].map((chunks) => stored(chunks * BLOB_CHUNK_BYTES)))
  const waiting = await ask(slow)
  waiting.pause()
  for (let round = 0; round < 6; round++) {
    const broken = await Promise.all([ask(slow), ask(slow)])
    const whole = others.map(async (digest) => {
      expect(await digestOf(await ask(digest))).toBe(digest)
    })
    for (const response of broken) response.destroy()
    await Promise.all(whole)
  }
  expect(await digestOf(waiting)).toBe(slow)
}, 20_000)
