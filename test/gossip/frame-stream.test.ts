import '../../src/node/polyfills.ts'
import { streamPair } from '@libp2p/utils'
import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { frameStream, type FrameStream } from '../../src/gossip/frame-stream.ts'
import { noise } from './memory-blobs.ts'

const OPTIONS = { maxFrameBytes: 1024, timeoutMs: 500 }

async function aPair(): Promise<[FrameStream, FrameStream]> {
  const [a, b] = await streamPair()
  return [frameStream(a, OPTIONS), frameStream(b, OPTIONS)]
}

async function* slices(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length)
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
  await expect(b.readBytes()).rejects.toMatchObject({
    detail: { code: 'FRAME_TOO_LARGE', bytes: 1025, maxBytes: 1024 }
  })
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

test('raw bytes between frames come whole, however slowly they are read, though the sender closed long ago', async () => {
  const [a, b] = await aPair()
  const bytes = noise(300_000)
  await a.write({ size: bytes.byteLength })
  await a.send(slices(bytes, 10_000), { stallMs: 500 })
  await a.write('the next one')
  await a.close()
  expect(await b.read()).toEqual({ size: bytes.byteLength })
  const received = new Uint8Array(bytes.byteLength)
  for (let at = 0; at < received.byteLength; at += 7_777) {
    await b.fill(received.subarray(at, at + 7_777), { stallMs: 500 })
    await new Promise(setImmediate)
  }
  expect(sha256Hex(received)).toBe(sha256Hex(bytes))
  expect(await b.read()).toBe('the next one')
  await expect(b.read()).rejects.toMatchObject({ code: 'STREAM_ENDED' })
})

test('raw bytes that end too soon, or that do not come at all, are told', async () => {
  const [a, b] = await aPair()
  await a.send(slices(noise(1_000), 1_000), { stallMs: 500 })
  const target = new Uint8Array(2_000)
  await expect(b.fill(target, { stallMs: 100 })).rejects.toMatchObject({ code: 'STREAM_STALLED' })
  await a.close()
  await expect(b.fill(target, { stallMs: 500 })).rejects.toMatchObject({ code: 'STREAM_ENDED' })
})

test('a length that never ends is refused', async () => {
  const [rawA, rawB] = await streamPair()
  const b = frameStream(rawB, OPTIONS)
  rawA.send(new Uint8Array(64).fill(0x80))
  await expect(b.readBytes()).rejects.toMatchObject({ code: 'FRAME_TOO_LARGE' })
})

test('a frame that comes in drops is given up like one that does not come', async () => {
  const [rawA, rawB] = await streamPair()
  const b = frameStream(rawB, OPTIONS)
  const reading = b.readBytes()
  const dripping = setInterval(() => rawA.send(Uint8Array.of(100)), 50)
  await expect(reading).rejects.toMatchObject({ detail: { code: 'STREAM_STALLED' } })
  clearInterval(dripping)
})

test('an aborted stream is told from an open one', async () => {
  const [a] = await aPair()
  expect(a.isOpen).toBe(true)
  a.abort('no error object')
  expect(a.isOpen).toBe(false)
})
