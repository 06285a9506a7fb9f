import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { peerIdFromString } from '@libp2p/peer-id'
import { sha256Hex } from '../../src/core/digest.ts'
import { createBlobStore } from '../../src/storage/blob-store.ts'
import { createBlobClient, type BlobClient } from '../../src/gossip/blob-client.ts'
import { fetchInOrder } from '../../src/gossip/blob-in-order.ts'
import { createByteRate } from '../../src/gossip/byte-rate.ts'
import { realClock } from '../support/real-clock.ts'
import { befriend, connect, eventually, startMesh, startNode, type TestNode } from './mesh.ts'
import { noise } from './memory-blobs.ts'

const MiB = 1024 * 1024
const NOBODY_HAS = sha256Hex('no such blob')

const NO_PROGRESS = { onSize: () => undefined, onChunk: () => undefined }

function clientOf(node: TestNode, options: { readonly stallMs?: number } = {}): BlobClient {
  const download = createByteRate(realClock, 0)
  return createBlobClient({ host: node.network.host, download, blame: () => undefined, ...options })
}

function killAfter(node: TestNode, offset: number): void {
  node.blobs.beforeChunk = async (at) => {
    if (at < offset) return
    // what was sent before is on its way; the rest never comes
    for (const connection of node.network.host.libp2p.getConnections()) connection.abort(new Error('died'))
    await new Promise(() => undefined)
  }
}

test('a blob is brought from the one connected member that holds it, and kept', async () => {
  const [reader, empty, holder] = await startMesh(['reader', 'empty', 'holder'], { isTcp: true })
  const bytes = noise(5 * MiB)
  const digest = holder!.blobs.put(bytes)
  expect(await reader!.network.blobs.ensure(digest)).toBe(bytes.byteLength)
  expect(sha256Hex(reader!.blobs.blobs.get(digest)!)).toBe(digest)
  expect(empty!.blobs.readsFrom).toEqual([])
  expect(await reader!.network.blobs.ensure(digest)).toBe(bytes.byteLength)
  expect(holder!.blobs.readsFrom.filter((at) => at === 0).length).toBe(1)
})

test('an empty blob is a blob', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const digest = holder!.blobs.put(new Uint8Array())
  expect(await reader!.network.blobs.ensure(digest)).toBe(0)
})

test('many who want the same share one transfer', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const digest = holder!.blobs.put(noise(2 * MiB))
  await Promise.all(Array.from({ length: 10 }, () => reader!.network.blobs.ensure(digest)))
  expect(holder!.blobs.readsFrom.filter((at) => at === 0).length).toBe(1)
})

test('nobody has it', async () => {
  const [reader, other] = await startMesh(['reader', 'other'], { isTcp: true })
  await expect(reader!.network.blobs.ensure(NOBODY_HAS)).rejects.toMatchObject({
    detail: { code: 'BLOB_UNAVAILABLE', asked: 0 }
  })
  await expect(reader!.network.blobs.streamThrough(NOBODY_HAS, { hint: [other!.id] })).rejects.toMatchObject({
    detail: { code: 'BLOB_UNAVAILABLE', asked: 1 }
  })
})

test('a sender that dies in the middle: the next holder goes on where it broke off', async () => {
  const [reader, first, second] = await startMesh(['reader', 'first', 'second'], { isTcp: true })
  const bytes = noise(8 * MiB)
  const digest = first!.blobs.put(bytes)
  second!.blobs.put(bytes)
  killAfter(first!, 5 * MiB)
  expect(await reader!.network.blobs.ensure(digest, { hint: [first!.id] })).toBe(bytes.byteLength)
  expect(sha256Hex(reader!.blobs.blobs.get(digest)!)).toBe(digest)
  const [resumedAt] = second!.blobs.readsFrom
  expect(resumedAt).toBeGreaterThan(0)
})

test('what came is kept until somebody has the rest', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const bytes = noise(6 * MiB)
  const digest = holder!.blobs.put(bytes)
  killAfter(holder!, 4 * MiB)
  await expect(reader!.network.blobs.ensure(digest, { hint: [holder!.id] })).rejects.toMatchObject({
    code: 'BLOB_UNAVAILABLE'
  })
  holder!.blobs.beforeChunk = () => undefined
  await eventually(() => clientOf(reader!).sizeAt(holder!.id, digest), bytes.byteLength, 15_000)
  expect(await reader!.network.blobs.ensure(digest)).toBe(bytes.byteLength)
  expect(holder!.blobs.readsFrom[1]).toBeGreaterThan(0)
})

test('a lying peer: its bytes are dropped, and the next holder is asked from the beginning', async () => {
  const [reader, liar, honest] = await startMesh(['reader', 'liar', 'honest'], { isTcp: true })
  const bytes = noise(3 * MiB)
  const digest = honest!.blobs.put(bytes)
  liar!.blobs.put(noise(3 * MiB, 2), digest)
  expect(await reader!.network.blobs.ensure(digest, { hint: [liar!.id] })).toBe(bytes.byteLength)
  expect(sha256Hex(reader!.blobs.blobs.get(digest)!)).toBe(digest)
  expect(honest!.blobs.readsFrom[0]).toBe(0)
})

test('only a lying peer has it: nothing is kept', async () => {
  const [reader, liar] = await startMesh(['reader', 'liar'], { isTcp: true })
  liar!.blobs.put(noise(MiB), NOBODY_HAS)
  await expect(reader!.network.blobs.ensure(NOBODY_HAS)).rejects.toMatchObject({ code: 'BLOB_UNAVAILABLE' })
  expect([...reader!.blobs.partials.keys()]).toEqual([])
})

test('a resumed transfer that turns out wrong is tried once more from the beginning', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const bytes = noise(2 * MiB)
  const digest = holder!.blobs.put(bytes)
  await (await reader!.blobs.partial(digest)).append(noise(MiB, 7))
  expect(await reader!.network.blobs.ensure(digest)).toBe(bytes.byteLength)
  expect(holder!.blobs.readsFrom[0]).toBe(MiB)
  expect(holder!.blobs.readsFrom).toContain(0)
})

test('a peer that brings nothing is given up', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const digest = holder!.blobs.put(noise(MiB))
  holder!.blobs.beforeChunk = (at) => (at === 0 ? undefined : new Promise(() => undefined))
  const client = clientOf(reader!, { stallMs: 300 })
  const partial = await reader!.blobs.partial(digest)
  const fetching = client.with({ peer: holder!.id, digest }, (session) =>
    fetchInOrder(session, partial, NO_PROGRESS)
  )
  await expect(fetching).rejects.toMatchObject({ code: 'STREAM_STALLED' })
})

test('a signal ends the waiting, not the transfer', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const digest = holder!.blobs.put(noise(MiB))
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  holder!.blobs.beforeChunk = () => gate
  const ending = new AbortController()
  const waiting = reader!.network.blobs.ensure(digest, { signal: ending.signal })
  ending.abort(new Error('gave up'))
  await expect(waiting).rejects.toThrow('gave up')
  release()
  await eventually(() => reader!.blobs.blobs.has(digest), true)
})

test('a sender holds little in memory for a receiver that does not read', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const bytes = noise(48 * MiB)
  const digest = holder!.blobs.put(bytes)
  const partial = await reader!.blobs.partial(digest)
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  const slow = {
    ...partial,
    append: async (chunk: Uint8Array) => {
      if (taken > 8 * MiB) await gate
      taken += chunk.byteLength
      await partial.append(chunk)
    }
  }
  let furthest = 0
  let taken = 0
  holder!.blobs.beforeChunk = (at) => {
    furthest = Math.max(furthest, at)
  }
  const fetching = clientOf(reader!).with({ peer: holder!.id, digest }, (session) =>
    fetchInOrder(session, slow, NO_PROGRESS)
  )
  let before = -1
  await eventually(() => {
    const isStill = furthest > 8 * MiB && furthest === before
    before = furthest
    return isStill
  }, true)
  expect(furthest).toBeLessThan(20 * MiB)
  const buffered = holder!.network.host.libp2p
    .getConnections(peerIdFromString(reader!.id))
    .flatMap(({ streams }) => streams.map((stream) => stream.writeBufferLength))
  expect(Math.max(...buffered)).toBeLessThan(4 * MiB)
  release()
  expect(await fetching).toBe(bytes.byteLength)
})

test('the store on disk resumes over the network, too', async () => {
  const root = await mkdtemp(join(tmpdir(), 'commonwheel-blobs-'))
  onTestFinished(async () => rm(root, { recursive: true, force: true }))
  const random = { float: () => 0.5, bytes: (length: number) => randomBytes(length) }
  const store = await createBlobStore(root, { random })
  const [reader, holder] = [
    await startNode('reader', { isTcp: true, store }),
    await startNode('holder', { isTcp: true })
  ]
  befriend(reader, holder)
  await connect(reader, holder)
  const bytes = noise(8 * MiB)
  const digest = holder.blobs.put(bytes)
  killAfter(holder, 5 * MiB)
  await expect(reader.network.blobs.ensure(digest, { hint: [holder.id] })).rejects.toThrow()
  holder.blobs.beforeChunk = () => undefined
  await eventually(() => clientOf(reader).sizeAt(holder.id, digest), bytes.byteLength, 15_000)
  expect(await reader.network.blobs.ensure(digest)).toBe(bytes.byteLength)
  expect(await store.verify(digest)).toBe(true)
  expect(holder.blobs.readsFrom[1]).toBeGreaterThan(0)
})

test('whoever is no member is told nothing, whichever side notices', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const digest = holder!.blobs.put(noise(1000))
  const client = clientOf(reader!)
  expect(await client.sizeAt(holder!.id, digest)).toBe(1000)
  holder!.ledger.members.delete(reader!.id)
  expect(await client.sizeAt(holder!.id, digest)).toBeUndefined()
  reader!.ledger.members.delete(holder!.id)
  const asking = client.with({ peer: holder!.id, digest }, (session) => session.head({ list: false }))
  await expect(asking).rejects.toMatchObject({ code: 'PEER_NOT_MEMBER' })
})
