import { expect, test } from 'vitest'
import { BLOB_IN_USE_MS } from '../../src/core/limits.ts'
import { meterBlobs } from '../../src/replication/blob-meter.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { createBlobStore } from '../../src/storage/blob-store.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { noise } from '../gossip/memory-blobs.ts'
import { VirtualClock } from './virtual-clock.ts'

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

test('a real store is metered in every way in which bytes come and go', async () => {
  const inner = await createBlobStore(await tempFolder(), { random: seededRandom(1) })
  await inner.write(one(noise(1_000, 1)))
  const meter = meterBlobs(inner, new VirtualClock())
  expect(meter.usedBytes()).toBeUndefined()
  await meter.count()
  expect(meter.usedBytes()).toBe(1_000)
  const { digest } = await meter.store.write(one(noise(500, 2)))
  expect(meter.usedBytes()).toBe(1_500)
  const other = await meter.store.write(one(noise(300, 3)))
  await meter.store.remove(other.digest)
  expect(meter.usedBytes()).toBe(1_500)
  const partial = await meter.store.partial(other.digest)
  await partial.append(noise(300, 3))
  expect(await partial.commit()).toBe(300)
  expect(meter.usedBytes()).toBe(1_800)
  expect(await meter.store.verify(digest)).toBe(true)
  await meter.count()
  expect(meter.usedBytes()).toBe(1_800)
})

test('what is leaving is denied to others, and stays when somebody uses it meanwhile', async () => {
  const clock = new VirtualClock()
  const inner = await createBlobStore(await tempFolder(), { random: seededRandom(1) })
  const { digest } = await inner.write(one(noise(1_000, 1)))
  const meter = meterBlobs(inner, clock)
  expect(meter.leave(digest)).toBe(true)
  expect([await meter.store.size(digest), await meter.has(digest)]).toEqual([undefined, true])
  meter.stay(digest)
  expect(await meter.store.size(digest)).toBe(1_000)
  expect(meter.leave(digest)).toBe(true)
  for await (const chunk of meter.store.read(digest)) expect(chunk.byteLength).toBe(1_000)
  expect(await meter.drop(digest)).toBe(false)
  expect(meter.leave(digest)).toBe(false)
  await clock.advance(BLOB_IN_USE_MS + 1)
  expect(meter.leave(digest)).toBe(true)
  expect(await meter.drop(digest)).toBe(true)
  expect(await meter.has(digest)).toBe(false)
})

test('a part read at once is a use, and what is leaving gives none', async () => {
  const inner = await createBlobStore(await tempFolder(), { random: seededRandom(1) })
  const { digest } = await inner.write(one(noise(1_000, 1)))
  const meter = meterBlobs(inner, new VirtualClock())
  const part = { start: 10, end: 20, size: 1_000 }
  expect(meter.leave(digest)).toBe(true)
  expect(await meter.store.readPart(digest, part)).toBeUndefined()
  expect(meter.isInUse(digest)).toBe(false)
  meter.stay(digest)
  expect(await meter.store.readPart(digest, part)).toEqual(Buffer.from(noise(1_000, 1).subarray(10, 20)))
  expect(meter.isInUse(digest)).toBe(true)
})
