import { crc32c, mask } from './crc32c.ts'
import { unpackSnappyFar } from './snappy.ts'
import { rowsOfBlock, type TableRow } from './table-rows.ts'
import { readVarint } from './varint.ts'

/** LevelDB's table format (doc/table_format.md). */
const FOOTER_BYTES = 48
const TRAILER_BYTES = 5
const SNAPPY = 1
/** Sequence number and type, behind every key that a caller gave (db/dbformat.h). */
const INTERNAL_BYTES = 8
const TYPE_VALUE = 1
/** One block of a table of ours: 4 KiB of rows, or one entry of at most 64 KiB. Nothing larger is looked for. */
const MAX_BLOCK_BYTES = 256 * 1024

/**
 * Every row that can still be read of a broken table file, by the key that its writer gave; neither its index nor its checksums are
 * trusted, so that whoever calls this checks each row by what it says. A row may come twice.
 */
export function* rowsOfBrokenTable(file: Uint8Array): Generator<TableRow> {
  for (const block of blocksByIndex(file) ?? blocksInOrder(file)) {
    for (const { key, value } of rowsOfBlock(block, { lenient: true })) {
      if (key.at(-INTERNAL_BYTES) !== TYPE_VALUE || key.byteLength < INTERNAL_BYTES) continue
      yield { key: key.subarray(0, -INTERNAL_BYTES), value }
    }
  }
}

/** The blocks that the index names, those with a wrong checksum too: one flipped bit spoils a row or some, not all of a block. */
function blocksByIndex(file: Uint8Array): readonly Uint8Array[] | undefined {
  try {
    const footer = file.subarray(-FOOTER_BYTES)
    const [, afterOffset] = readVarint(footer, 0)
    const [, atIndex] = readVarint(footer, afterOffset)
    const index = blockAt(file, ...handleAt(footer, atIndex))
    if (!index.isSound) return undefined
    return Array.from(rowsOfBlock(index.bytes), ({ value }) => blockAt(file, ...handleAt(value, 0)).bytes)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/**
 * Without an index: blocks lie one behind the other, and a block ends where the checksum of what was read so far stands. Ends at the
 * first broken one, because nothing tells how long that is.
 */
function* blocksInOrder(file: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  for (let start = 0; ;) {
    const size = sizeOfBlock(file, view, start)
    if (size === undefined) return
    yield blockAt(file, start, size).bytes
    start += size + TRAILER_BYTES
  }
}

function sizeOfBlock(file: Uint8Array, view: DataView, start: number): number | undefined {
  const last = Math.min(file.byteLength - TRAILER_BYTES, start + MAX_BLOCK_BYTES)
  let crc = 0
  for (let at = start; at <= last; at++) {
    // The checksum covers the type of compression too, which is the byte before it.
    crc = crc32c(file.subarray(at, at + 1), crc)
    if (at > start && mask(crc) === view.getUint32(at + 1, true)) return at - start
  }
  return undefined
}

function handleAt(bytes: Uint8Array, at: number): readonly [offset: number, size: number] {
  const [offset, afterOffset] = readVarint(bytes, at)
  return [offset, readVarint(bytes, afterOffset)[0]]
}

interface Block {
  readonly bytes: Uint8Array
  readonly isSound: boolean
}

function blockAt(file: Uint8Array, offset: number, size: number): Block {
  const stored = file.subarray(offset, offset + size + TRAILER_BYTES)
  if (stored.byteLength < size + TRAILER_BYTES) return { bytes: new Uint8Array(0), isSound: false }
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  const isSound = mask(crc32c(stored.subarray(0, size + 1))) === view.getUint32(size + 1, true)
  const packed = stored.subarray(0, size)
  return { bytes: stored[size] === SNAPPY ? unpackSnappyFar(packed, MAX_BLOCK_BYTES * 4) : packed, isSound }
}
