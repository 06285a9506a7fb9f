import '../../src/node/polyfills.ts'
import { streamPair } from '@libp2p/utils'
import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { frameStream, type FrameStream } from '../../src/gossip/frame-stream.ts'
import { joined, noise } from './memory-blobs.ts'

const OPTIONS = { maxFrameBytes: 1024, timeoutMs: 500 }

async function aPair(): Promise<[FrameStream, FrameStream]> {
  const [a, b] = await streamPair()
  return [frameStream(a, OPTIONS), frameStream(b, OPTIONS)]
}

test('frames arrive as they were written', async () => {
  const [a, b] = await aPair()
  await a.write({ ask: 'heads', n: 1 })
  await a.writeBytes(new Uint8Array([1, 2, 3]))
  expect(await b.read()).toEqual({ ask: 'heads', n: 1 })
  expect([...(await b.readBytes())]).toEqual([1, 2, 3])
})

test('a frame over the limit is not written', async () => {
  const [a] = await aPair()
  await expect(a.writeBytes(new Uint8Array(1025))).rejects.toMatchObject({
    detail: { code: 'FRAME_TOO_LARGE', bytes: 1025, maxBytes: 1024 }
  })
})

test('a frame over the limit is not read', async () => {
  const [rawA, rawB] = await streamPair()
  const a = frameStream(rawA, { maxFrameBytes: 4096 })
  const b = frameStream(rawB, OPTIONS)
  await a.writeBytes(new Uint8Array(1025))
  await expect(b.readBytes()).rejects.toThrow(/too long/)
})

test('bytes that are no CBOR are refused', async () => {
  const [a, b] = await aPair()
  await a.writeBytes(new Uint8Array([0xff, 0x00]))
  await expect(b.read()).rejects.toMatchObject({ code: 'WIRE_MALFORMED' })
})

test('a read that nobody answers ends', async () => {
  const [, b] = await aPair()
  await expect(b.read()).rejects.toMatchObject({ detail: { code: 'STREAM_STALLED', afterMs: 500 } })
})

test('a read after the other side closed fails', async () => {
  const [a, b] = await aPair()
  await a.close()
  await expect(b.read()).rejects.toThrow()
})

test('raw bytes after a frame come whole, however slowly they are read, though the sender closed long ago', async () => {
  const [a, b] = await aPair()
  const bytes = noise(300_000)
  await a.write({ size: bytes.byteLength })
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.byteLength; at += 10_000) yield bytes.subarray(at, at + 10_000)
  }
  await a.send(source(), { stallMs: 500 })
  await a.close()
  expect(await b.read()).toEqual({ size: bytes.byteLength })
  const received: Uint8Array[] = []
  for await (const chunk of b.rest({ stallMs: 500 })) {
    received.push(Uint8Array.from(chunk))
    await new Promise(setImmediate)
  }
  expect(sha256Hex(joined(received))).toBe(sha256Hex(bytes))
})

test('an aborted stream is told from an open one', async () => {
  const [a] = await aPair()
  expect(a.isOpen).toBe(true)
  a.abort('no error object')
  expect(a.isOpen).toBe(false)
})
