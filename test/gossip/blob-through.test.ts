import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { BLOB_PIECE_BYTES } from '../../src/core/limits.ts'
import type { EnsureOptions } from '../../src/core/ports.ts'
import type { StreamOptions } from '../../src/gossip/blob-source.ts'
import { MAX_BLOBS_PASSED } from '../../src/gossip/gossip-limits.ts'
import { listDigestOf, listOf } from '../support/piece-list.ts'
import { joined, noise } from './memory-blobs.ts'
import { eventually, startMesh, type TestNode } from './mesh.ts'

/*
 * What a client sees of a file that is not here, while its holders die and the own disk fills up.
 */

const MiB = 1024 * 1024
/** Of three pieces. */
const bytes = noise(2 * BLOB_PIECE_BYTES + 1_000)
const digest = sha256Hex(bytes)
const about = { size: bytes.byteLength, pieces: listDigestOf(bytes) }
const LAST = 2 * BLOB_PIECE_BYTES

function wheelAt(...holders: readonly TestNode[]): EnsureOptions {
  return { about, hint: holders.map(({ id }) => id) }
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(Uint8Array.from(chunk))
  return joined(all)
}

/** Pieces in the order in which a holder was asked for them. */
function askedOf(holder: TestNode): readonly number[] {
  return [...new Set(holder.blobs.readsFrom.map((at) => Math.floor(at / BLOB_PIECE_BYTES)))]
}

/** Breaks every connection when the holder is to send a byte from here on; `isDead`: and answers nobody ever after. */
function breakAt(holder: TestNode, offset: number, isDead: boolean): void {
  let isBroken = false
  holder.blobs.beforeChunk = async (at) => {
    if (at < offset || (isBroken && !isDead)) return
    isBroken = true
    for (const connection of holder.network.host.libp2p.getConnections()) connection.abort(new Error('died'))
    if (isDead) await holder.stop()
    await new Promise(() => undefined)
  }
}

test('a holder dies in the middle: another one goes on, and the reader sees one answer', async () => {
  const [reader, dying, other] = await startMesh(['reader', 'dying', 'other'], { isTcp: true })
  for (const holder of [dying!, other!]) holder.blobs.put(bytes)
  breakAt(dying!, BLOB_PIECE_BYTES + MiB, true)
  // slow enough that both have something to bring
  other!.blobs.beforeChunk = async () => new Promise((resolve) => setTimeout(resolve, 10))
  const { size, chunks } = await reader!.network.blobs.streamThrough(digest, wheelAt(dying!, other!))
  const got = await bytesOf(chunks)
  expect([size, sha256Hex(got)]).toEqual([bytes.byteLength, digest])
  expect(askedOf(dying!).length).toBeGreaterThan(0)
  expect(reader!.blobs.blobs.has(digest)).toBe(true)
})

test('the only holder breaks off once: it is asked again, and the reader sees one answer, with pieces and without', async () => {
  const through = async (name: string, options: EnsureOptions): Promise<string> => {
    const [reader, holder] = await startMesh([`${name}-reader`, `${name}-holder`], { isTcp: true })
    holder!.blobs.put(bytes)
    breakAt(holder!, BLOB_PIECE_BYTES + MiB, false)
    const hint = [holder!.id]
    return sha256Hex(
      await bytesOf((await reader!.network.blobs.streamThrough(digest, { hint, ...options })).chunks)
    )
  }
  expect(await Promise.all([through('pieced', { about }), through('plain', {})])).toEqual([digest, digest])
})

test('a part of the end comes first, before the rest is here; the rest comes all the same', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  holder!.blobs.put(bytes)
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  holder!.blobs.beforeChunk = (at) => (at < LAST ? gate : undefined)
  const range = { start: LAST + 100, end: bytes.byteLength }
  const { size, chunks } = await reader!.network.blobs.streamThrough(digest, { ...wheelAt(holder!), range })
  expect(size).toBe(bytes.byteLength)
  expect(await bytesOf(chunks)).toEqual(bytes.slice(range.start))
  expect(askedOf(holder!)[0]).toBe(2)
  expect(reader!.blobs.blobs.has(digest)).toBe(false)
  release()
  await eventually(() => reader!.blobs.blobs.has(digest), true)
})

test('a download that is resumed goes on at its byte, and its end waits until the whole is right', async () => {
  const [reader, liar] = await startMesh(['reader', 'liar'], { isTcp: true })
  const named = sha256Hex('what the record says the wheel is')
  liar!.blobs.put(bytes, named)
  const range = { start: BLOB_PIECE_BYTES + 5, end: bytes.byteLength }
  const { chunks } = await reader!.network.blobs.streamThrough(named, { ...wheelAt(liar!), range })
  let received = 0
  const reading = (async () => {
    for await (const chunk of chunks) received += chunk.byteLength
  })()
  await expect(reading).rejects.toThrow()
  expect(received).toBeLessThanOrEqual(LAST - range.start)
  expect(askedOf(liar!)[0]).toBe(1)
})

const parts = [
  { id: 'within a piece', start: 5, end: 10 },
  { id: 'over the end of one', start: BLOB_PIECE_BYTES - 3, end: BLOB_PIECE_BYTES + 3 },
  { id: 'from the middle to the end', start: BLOB_PIECE_BYTES + 1, end: bytes.byteLength },
  { id: 'of all', start: 0, end: bytes.byteLength }
]
test('any part is that part, with pieces and without', async () => {
  const small = noise(MiB, 2)
  const [reader, holder] = await startMesh(['reader', 'holder'], {})
  const [big, little] = [holder!.blobs.put(bytes), holder!.blobs.put(small)]
  const read = async (blob: typeof big, options: StreamOptions): Promise<string> => {
    const { chunks } = await reader!.network.blobs.streamThrough(blob, options)
    const got = sha256Hex(await bytesOf(chunks))
    await reader!.network.blobs.ensure(blob)
    reader!.blobs.blobs.delete(blob)
    return got
  }
  for (const { id, start, end } of parts) {
    const range = { start, end }
    expect(await read(big, { ...wheelAt(holder!), range }), id).toBe(sha256Hex(bytes.subarray(start, end)))
  }
  const within = { start: 70_000, end: 800_000 }
  const part = sha256Hex(small.subarray(within.start, within.end))
  expect(await read(little, { hint: [holder!.id], range: within })).toBe(part)
})

test('readers of the same blob share one transfer, and one that goes away leaves it to the others', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  holder!.blobs.put(bytes)
  const open = async (): Promise<AsyncIterable<Uint8Array>> =>
    (await reader!.network.blobs.streamThrough(digest, wheelAt(holder!))).chunks
  const [one, two, gone] = [await open(), await open(), await open()]
  for await (const chunk of gone) {
    expect(chunk.byteLength).toBeGreaterThan(0)
    break
  }
  const both = await Promise.all([bytesOf(one), bytesOf(two)])
  expect(both.map((got) => sha256Hex(got))).toEqual([digest, digest])
  const firsts = holder!.blobs.readsFrom.filter((at) => at % BLOB_PIECE_BYTES === 0 && at > 0)
  expect(firsts.length).toBe(2)
})

/** The disk takes `pieces` of them, and then no more. */
function fill(node: TestNode, pieces: number): void {
  const byPieces = node.blobs.byPieces.bind(node.blobs)
  node.blobs.byPieces = async (...words) => {
    const blob = await byPieces(...words)
    let left = pieces
    const put = async (index: number, piece: Uint8Array): Promise<boolean> => {
      if (left-- <= 0) throw new Error('ENOSPC: no space left on device')
      return blob.put(index, piece)
    }
    return { ...blob, put, checkedUntil: (start) => blob.checkedUntil(start) }
  }
  node.blobs.partial = async () => Promise.reject(new Error('ENOSPC: no space left on device'))
}

test.for([0, 1])(
  'a disk that is full after %i pieces: the reader gets all of it, nothing is kept',
  async (pieces) => {
    const [reader, dying, other] = await startMesh(['reader', 'dying', 'other'], { isTcp: true })
    for (const holder of [dying!, other!]) holder.blobs.put(bytes)
    fill(reader!, pieces)
    const { size, chunks } = await reader!.network.blobs.streamThrough(digest, wheelAt(dying!, other!))
    const iterator = chunks[Symbol.asyncIterator]()
    const first = await iterator.next()
    breakAt(dying!, 0, true)
    const rest = await bytesOf({ [Symbol.asyncIterator]: () => iterator })
    expect([size, sha256Hex(joined([first.value as Uint8Array, rest]))]).toEqual([bytes.byteLength, digest])
    expect(reader!.blobs.blobs.has(digest)).toBe(false)
  }
)

test('a full disk: parts, and blobs without pieces, go through as well', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], {})
  const small = noise(MiB, 3)
  for (const one of [bytes, small]) holder!.blobs.put(one)
  fill(reader!, 0)
  for (const { start, end } of parts) {
    const { chunks } = await reader!.network.blobs.streamThrough(digest, {
      ...wheelAt(holder!),
      range: { start, end }
    })
    expect(sha256Hex(await bytesOf(chunks))).toBe(sha256Hex(bytes.subarray(start, end)))
  }
  const range = { start: 1_000, end: 2_000 }
  const { chunks } = await reader!.network.blobs.streamThrough(sha256Hex(small), {
    hint: [holder!.id],
    range
  })
  expect(await bytesOf(chunks)).toEqual(small.slice(1_000, 2_000))
})

test('a full disk and a liar: nobody takes wrong bytes for the blob', async () => {
  const [reader, liar, honest] = await startMesh(['reader', 'liar', 'honest'], { isTcp: true })
  const wrong = Uint8Array.from(bytes)
  wrong[MiB] = (wrong[MiB] ?? 0) ^ 1
  liar!.blobs.put(wrong, digest)
  liar!.blobs.lists.set(digest, listOf(bytes))
  honest!.blobs.put(bytes)
  fill(reader!, 0)
  const pieced = await reader!.network.blobs.streamThrough(digest, wheelAt(liar!, honest!))
  expect(sha256Hex(await bytesOf(pieced.chunks))).toBe(digest)
  const plain = await reader!.network.blobs.streamThrough(digest, { hint: [liar!.id] })
  await expect(bytesOf(plain.chunks)).rejects.toMatchObject({ code: 'BLOB_MISMATCH' })
})

test('a full disk: only so many readers at once have pieces in memory', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], {})
  holder!.blobs.put(bytes)
  fill(reader!, 0)
  const open = async (): Promise<AsyncIterator<Uint8Array>> =>
    (await reader!.network.blobs.streamThrough(digest, wheelAt(holder!))).chunks[Symbol.asyncIterator]()
  const slow = await Promise.all(Array.from({ length: MAX_BLOBS_PASSED }, open))
  for (const one of slow) expect((await one.next()).done).toBe(false)
  await expect((await open()).next()).rejects.toMatchObject({ code: 'PEER_BUSY' })
  await slow[0]!.return?.()
  expect((await (await open()).next()).done).toBe(false)
  await Promise.all(slow.map(async (one) => one.return?.()))
})
