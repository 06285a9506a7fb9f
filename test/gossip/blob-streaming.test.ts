import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { eventually, startMesh } from './mesh.ts'
import { joined, noise } from './memory-blobs.ts'

const MiB = 1024 * 1024
const NOBODY_HAS = sha256Hex('no such blob')

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(Uint8Array.from(chunk))
  return joined(all)
}

test('bytes pass on to a reader while they come in', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const bytes = noise(3 * MiB)
  const digest = holder!.blobs.put(bytes)
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  holder!.blobs.beforeChunk = (at) => (at < 2 * MiB ? undefined : gate)
  const { size, chunks } = await reader!.network.blobs.streamThrough(digest)
  expect(size).toBe(bytes.byteLength)
  const iterator = chunks[Symbol.asyncIterator]()
  const first = await iterator.next()
  expect(reader!.blobs.blobs.has(digest)).toBe(false)
  release()
  const rest = await bytesOf({ [Symbol.asyncIterator]: () => iterator })
  expect(sha256Hex(joined([first.value as Uint8Array, rest]))).toBe(digest)
  expect(reader!.blobs.blobs.has(digest)).toBe(true)
})

test('a reader slower than the network gets the rest from the store', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const bytes = noise(24 * MiB)
  const digest = holder!.blobs.put(bytes)
  const { chunks } = await reader!.network.blobs.streamThrough(digest)
  const iterator = chunks[Symbol.asyncIterator]()
  const first = await iterator.next()
  await eventually(() => reader!.blobs.blobs.has(digest), true)
  const rest = await bytesOf({ [Symbol.asyncIterator]: () => iterator })
  expect(sha256Hex(joined([first.value as Uint8Array, rest]))).toBe(digest)
})

test('a wrong digest breaks the reader off before its last bytes', async () => {
  const [reader, liar] = await startMesh(['reader', 'liar'], { isTcp: true })
  const bytes = noise(2 * MiB)
  liar!.blobs.put(bytes, NOBODY_HAS)
  const { size, chunks } = await reader!.network.blobs.streamThrough(NOBODY_HAS)
  let received = 0
  const reading = (async () => {
    for await (const chunk of chunks) received += chunk.byteLength
  })()
  await expect(reading).rejects.toMatchObject({ code: 'BLOB_MISMATCH' })
  expect(received).toBeLessThan(size)
})
