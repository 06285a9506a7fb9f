import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { BLOB_PIECE_BYTES } from '../../src/core/limits.ts'
import type { EnsureOptions } from '../../src/core/ports.ts'
import { createBlobClient, type BlobClient } from '../../src/gossip/blob-client.ts'
import { createByteRate } from '../../src/gossip/byte-rate.ts'
import { MAX_BLOBS_SERVED_PEER } from '../../src/gossip/gossip-limits.ts'
import { RangeReader } from '../../src/gossip/range-reader.ts'
import { createBlobStore, type DiskBlobStore } from '../../src/storage/blob-store.ts'
import { listDigestOf, listOf } from '../support/piece-list.ts'
import { realClock } from '../support/real-clock.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { joined, noise } from './memory-blobs.ts'
import { befriend, connect, eventually, startMesh, startNode, type TestNode } from './mesh.ts'

const MiB = 1024 * 1024
/** Of five pieces. */
const bytes = noise(4 * BLOB_PIECE_BYTES + 1_000)
const digest = sha256Hex(bytes)
const about = { size: bytes.byteLength, pieces: listDigestOf(bytes) }

/** As a record with this wheel leads to it. */
function wheelAt(...holders: readonly TestNode[]): EnsureOptions {
  return { about, hint: holders.map(({ id }) => id) }
}

/** Which pieces a holder was asked for. */
function askedOf(holder: TestNode): readonly number[] {
  const pieces = holder.blobs.readsFrom.map((at) => Math.floor(at / BLOB_PIECE_BYTES))
  return [...new Set(pieces)].sort((a, b) => a - b)
}

function startOf(piece: number): number {
  return piece * BLOB_PIECE_BYTES
}

function clientOf(node: TestNode): BlobClient {
  const download = createByteRate(realClock, 0)
  return createBlobClient({ host: node.network.host, download, blame: () => undefined })
}

/** Bytes of the same size with a wrong one in a piece, told as if they were the blob. */
function lie(node: TestNode, piece: number): void {
  const wrong = Uint8Array.from(bytes)
  wrong[startOf(piece) + 17] = (wrong[startOf(piece) + 17] ?? 0) ^ 1
  node.blobs.put(wrong, digest)
  node.blobs.lists.set(digest, listOf(bytes))
}

function cut(node: TestNode): void {
  for (const connection of node.network.host.libp2p.getConnections()) connection.abort(new Error('died'))
}

async function diskStore(root: string): Promise<DiskBlobStore> {
  return createBlobStore(root, { random: { float: () => 0.5, bytes: (length) => randomBytes(length) } })
}

test('two holders bring one blob, each piece once', async () => {
  const [reader, first, second] = await startMesh(['reader', 'first', 'second'], { isTcp: true })
  for (const holder of [first!, second!]) {
    holder.blobs.put(bytes)
    // so that neither is done before the other was asked
    holder.blobs.beforeChunk = async () => new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(await reader!.network.blobs.ensure(digest, wheelAt(first!, second!))).toBe(bytes.byteLength)
  expect(sha256Hex(reader!.blobs.blobs.get(digest)!)).toBe(digest)
  const [one, two] = [askedOf(first!), askedOf(second!)]
  expect(one.length).toBeGreaterThan(0)
  expect(two.length).toBeGreaterThan(0)
  expect(new Set([...one, ...two])).toEqual(new Set([0, 1, 2, 3, 4]))
})

test('a lying holder is left after one piece, and the others bring what it did not', async () => {
  const [reader, liar, honest] = await startMesh(['reader', 'liar', 'honest'], { isTcp: true })
  for (const piece of [0, 1, 2, 3, 4]) lie(liar!, piece)
  honest!.blobs.put(bytes)
  expect(await reader!.network.blobs.ensure(digest, wheelAt(liar!, honest!))).toBe(bytes.byteLength)
  expect(sha256Hex(reader!.blobs.blobs.get(digest)!)).toBe(digest)
  // the wrong one, and those that were asked for before it was checked
  expect(askedOf(liar!).length).toBeLessThanOrEqual(3)
})

test('one wrong byte near the end costs one piece, not the blob', async () => {
  const [reader, rotten, honest] = await startMesh(['reader', 'rotten', 'honest'], { isTcp: true })
  lie(rotten!, 3)
  honest!.blobs.put(bytes)
  honest!.ledger.members.delete(reader!.id)
  await expect(reader!.network.blobs.ensure(digest, wheelAt(rotten!))).rejects.toMatchObject({
    code: 'BLOB_UNAVAILABLE'
  })
  expect([...reader!.blobs.pieces.get(digest)!.keys()].sort()).toEqual([0, 1, 2])
  honest!.ledger.members.add(reader!.id)
  expect(await reader!.network.blobs.ensure(digest, wheelAt(honest!))).toBe(bytes.byteLength)
  // the other one still has the last piece, which is right
  expect(askedOf(honest!)).toContain(3)
  for (const kept of [0, 1, 2]) expect(askedOf(honest!)).not.toContain(kept)
})

test('a holder that dies in the middle costs what it had not brought', async () => {
  const [reader, dying, other] = await startMesh(['reader', 'dying', 'other'], { isTcp: true })
  dying!.blobs.put(bytes)
  dying!.blobs.beforeChunk = async (at) => {
    if (at < startOf(2) + MiB) return
    other!.blobs.put(bytes)
    cut(dying!)
    await new Promise(() => undefined)
  }
  await reader!.network.blobs.ensure(digest, wheelAt(dying!)).catch(() => undefined)
  expect(await reader!.network.blobs.ensure(digest, wheelAt(other!))).toBe(bytes.byteLength)
  expect(askedOf(other!)).not.toContain(0)
  expect(sha256Hex(reader!.blobs.blobs.get(digest)!)).toBe(digest)
})

test('a restarted node goes on with the pieces that it has on its disk', async () => {
  const root = await tempFolder()
  const before = await startNode('reader', { isTcp: true, store: await diskStore(root) })
  const holder = await startNode('holder', { isTcp: true })
  befriend(before, holder)
  await connect(before, holder)
  holder.blobs.put(bytes)
  holder.blobs.beforeChunk = async (at) => {
    if (at < startOf(3)) return
    cut(holder)
    await new Promise(() => undefined)
  }
  await expect(before.network.blobs.ensure(digest, wheelAt(holder))).rejects.toMatchObject({
    code: 'BLOB_UNAVAILABLE'
  })
  await before.stop()
  const store = await diskStore(root)
  const after = await startNode('reader', { isTcp: true, store })
  befriend(after, holder)
  await connect(after, holder)
  holder.blobs.beforeChunk = () => undefined
  holder.blobs.readsFrom.length = 0
  expect(await after.network.blobs.ensure(digest, wheelAt(holder))).toBe(bytes.byteLength)
  // the third may have been on its way when its holder died
  expect(askedOf(holder)).not.toContain(0)
  expect(askedOf(holder)).not.toContain(1)
  expect(await store.verify(digest)).toBe(true)
})

test('the last pieces do not wait for a holder that has become slow', async () => {
  const [reader, stuck, fast] = await startMesh(['reader', 'stuck', 'fast'], { isTcp: true })
  for (const holder of [stuck!, fast!]) holder.blobs.put(bytes)
  // alive, and for half a minute nobody can say that it is not only slow
  stuck!.blobs.beforeChunk = async (at) => {
    if (at % BLOB_PIECE_BYTES >= 2 * MiB) await new Promise(() => undefined)
  }
  expect(await reader!.network.blobs.ensure(digest, wheelAt(stuck!, fast!))).toBe(bytes.byteLength)
  expect(stuck!.blobs.readsFrom.length).toBeGreaterThan(0)
})

test('a record that lies about the pieces: the digest decides, and the blob comes all the same', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  holder!.blobs.put(bytes)
  for (const wrong of [
    { ...about, pieces: sha256Hex('others') },
    { ...about, size: about.size + 1 }
  ]) {
    reader!.blobs.blobs.clear()
    expect(await reader!.network.blobs.ensure(digest, { hint: [holder!.id], about: wrong })).toBe(
      bytes.byteLength
    )
  }
  const named = sha256Hex('the author signed another digest over these pieces')
  holder!.blobs.put(bytes, named)
  await expect(reader!.network.blobs.ensure(named, { hint: [holder!.id], about })).rejects.toMatchObject({
    code: 'BLOB_UNAVAILABLE'
  })
  expect(await reader!.blobs.size(named)).toBeUndefined()
})

test('a reader gets checked pieces while others are still on their way, and never a wrong one', async () => {
  const [reader, liar, honest] = await startMesh(['reader', 'liar', 'honest'], { isTcp: true })
  lie(liar!, 1)
  honest!.blobs.put(bytes)
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  honest!.blobs.beforeChunk = (at) => (at < startOf(3) ? undefined : gate)
  liar!.blobs.beforeChunk = (at) => (at < startOf(2) ? undefined : gate)
  const { size, chunks } = await reader!.network.blobs.streamThrough(digest, wheelAt(liar!, honest!))
  expect(size).toBe(bytes.byteLength)
  const received: Uint8Array[] = []
  const iterator = chunks[Symbol.asyncIterator]()
  while (joined(received).byteLength < BLOB_PIECE_BYTES)
    received.push((await iterator.next()).value as Uint8Array)
  expect(await reader!.blobs.size(digest)).toBeUndefined()
  release()
  for await (const chunk of { [Symbol.asyncIterator]: () => iterator }) received.push(chunk)
  expect(sha256Hex(joined(received))).toBe(digest)
})

test('the last piece is held back until the whole is checked', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  const named = sha256Hex('a digest that these pieces do not have')
  holder!.blobs.put(bytes, named)
  const { size, chunks } = await reader!.network.blobs.streamThrough(named, { hint: [holder!.id], about })
  let received = 0
  const reading = (async () => {
    for await (const chunk of chunks) received += chunk.byteLength
  })()
  await expect(reading).rejects.toMatchObject({ name: 'BlobError' })
  expect(received).toBeLessThan(size)
})

test('a store that takes no more ends the transfer with what it says', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  holder!.blobs.put(bytes)
  const opened = await reader!.blobs.byPieces(digest, { size: bytes.byteLength, list: listOf(bytes) })
  reader!.blobs.byPieces = async () => ({
    ...opened,
    put: async () => Promise.reject(new Error('the disk is full'))
  })
  await expect(reader!.network.blobs.ensure(digest, wheelAt(holder!))).rejects.toThrow('the disk is full')
  expect(askedOf(holder!).length).toBeLessThanOrEqual(3)
})

test('readers that take nothing cost a holder little, and one peer has so many streams and no more', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  holder!.blobs.put(bytes)
  let read = 0
  holder!.blobs.beforeChunk = () => {
    read += holder!.blobs.chunkBytes
  }
  const client = clientOf(reader!)
  const leaving = new AbortController()
  const place = { peer: holder!.id, digest }
  let opened = 0
  const open = Array.from({ length: MAX_BLOBS_SERVED_PEER }, () =>
    client.with(place, async (session) => {
      await session.bytes(0, new Uint8Array(1_000), () => ({ start: 0, end: BLOB_PIECE_BYTES }))
      opened += 1
      await once(leaving.signal, 'abort')
    })
  )
  let before = -1
  await eventually(() => {
    const isStill = opened === MAX_BLOBS_SERVED_PEER && read === before
    before = read
    return isStill
  }, true)
  // a window on its way, a chunk sent, a chunk read ahead
  expect(read).toBeLessThan(MAX_BLOBS_SERVED_PEER * 3 * MiB)
  await expect(client.with(place, (session) => session.head({ list: false }))).rejects.toMatchObject({
    code: 'PEER_BUSY'
  })
  const waiting = reader!.network.blobs.ensure(digest, wheelAt(holder!))
  leaving.abort()
  await Promise.all(open)
  // it asks again later
  expect(await waiting).toBe(bytes.byteLength)
})

test('under a cap nothing is asked for that would wait on the way', async () => {
  const cap = 20_000_000
  const reader = await startNode('reader', { isTcp: true, download: cap / 10 })
  const holder = await startNode('holder', { isTcp: true, upload: cap })
  befriend(reader, holder)
  await connect(reader, holder)
  const small = noise(5 * MiB, 3)
  const wheel = { size: small.byteLength, pieces: listDigestOf(small) }
  const name = holder.blobs.put(small)
  const chunks = vi.spyOn(RangeReader.prototype, 'chunks')
  expect(await reader.network.blobs.ensure(name, { hint: [holder.id], about: wheel })).toBe(small.byteLength)
  const asked = chunks.mock.calls.map(([{ start, end }]) => end - start)
  expect(asked.reduce((sum, bytes) => sum + bytes, 0)).toBe(small.byteLength)
  expect(Math.max(...asked)).toBeLessThanOrEqual(cap / 10)
})
