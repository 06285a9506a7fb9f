import { expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { BLOB_CHUNK_BYTES, BLOB_PIECE_BYTES } from '../../src/core/limits.ts'
import type { PieceRange } from '../../src/core/blob-pieces.ts'
import { RangeReader } from '../../src/gossip/range-reader.ts'
import { collect } from '../support/collect.ts'
import { joined, MemoryBlobs, noise } from './memory-blobs.ts'

const SIZE = BLOB_PIECE_BYTES + 900_000
const bytes = noise(SIZE)
const digest = sha256Hex(bytes)
const STEP = 3 * BLOB_CHUNK_BYTES

interface Asking {
  readonly blobs: MemoryBlobs
  readonly reader: RangeReader
  readonly ask: (range: PieceRange) => Promise<Uint8Array>
}

function asking(): Asking {
  const blobs = new MemoryBlobs()
  blobs.put(bytes)
  const reader = new RangeReader(blobs)
  const ask = async ({ start, end }: PieceRange): Promise<Uint8Array> => {
    const question = { sha256: digest, start, end, list: false }
    const size = await reader.sizeFor(question)
    return joined(await collect(reader.chunks(question, size ?? 0)))
  }
  return { blobs, reader, ask }
}

test('questions that follow each other read every byte once, and open a piece once', async () => {
  const { blobs, ask } = asking()
  const parts: Uint8Array[] = []
  for (let at = 0; at < SIZE;) {
    const pieceEnd = at < BLOB_PIECE_BYTES ? BLOB_PIECE_BYTES : SIZE
    const end = Math.min(at + STEP, pieceEnd)
    parts.push(await ask({ start: at, end }))
    at = end
  }
  expect(sha256Hex(joined(parts))).toBe(digest)
  expect(blobs.readsFrom).toEqual([0, BLOB_PIECE_BYTES])
})

test('any range in any order is what it should be: odd ends, across pieces, back again', async () => {
  const { ask } = asking()
  const ranges: PieceRange[] = [
    { start: 5, end: 10 },
    { start: 10, end: 700_001 },
    { start: 700_001, end: 700_002 },
    { start: 0, end: SIZE },
    { start: BLOB_PIECE_BYTES - 3, end: BLOB_PIECE_BYTES + 3 },
    { start: SIZE - 1, end: SIZE },
    { start: 0, end: STEP },
    { start: STEP + 1, end: 2 * STEP }
  ]
  for (const { start, end } of ranges) {
    expect(Buffer.compare(await ask({ start, end }), bytes.subarray(start, end))).toBe(0)
  }
})

test('a small question reads no more of the disk than it asks for', async () => {
  const { blobs, ask } = asking()
  const ends: (number | undefined)[] = []
  const read = blobs.read.bind(blobs)
  blobs.read = (name, range) => {
    ends.push(range?.end)
    return read(name, range)
  }
  await ask({ start: 100, end: 200 })
  expect(ends).toEqual([200])
})

test('what is open is closed when another blob is asked for, and at the end', async () => {
  const { blobs, reader, ask } = asking()
  let open = 0
  const read = blobs.read.bind(blobs)
  blobs.read = async function* (name, range) {
    open += 1
    try {
      yield* read(name, range)
    } finally {
      open -= 1
    }
  }
  await ask({ start: 0, end: STEP })
  expect(open).toBe(1)
  await ask({ start: 2 * STEP, end: 3 * STEP })
  expect(open).toBe(1)
  await reader.close()
  expect(open).toBe(0)
  expect(await ask({ start: 0, end: 10 })).toEqual(bytes.subarray(0, 10))
})

test('a blob that is not held has no size', async () => {
  const { reader } = asking()
  const sha256 = sha256Hex('nobody has it')
  expect(await reader.sizeFor({ sha256, start: 0, end: 1, list: false })).toBeUndefined()
})
