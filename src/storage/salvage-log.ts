import type { TableRow } from './table-rows.ts'
import { readVarint } from './varint.ts'

/** LevelDB's log format (doc/log_format.md), and of a batch in it (db/write_batch.cc). */
const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7
const BATCH_HEADER_BYTES = 12
const PART = { full: 1, first: 2, middle: 3, last: 4 } as const
const TYPE_DELETION = 0
const TYPE_VALUE = 1

/**
 * Every row that was put and can still be read in a broken log, also behind the place where it is broken: reading goes on with the
 * next record, or where that makes no sense with the next block of 32 KiB. No checksum is looked at, and what a batch deletes is
 * passed over: whoever calls this checks each row by what it says.
 */
export function* rowsOfBrokenLog(file: Uint8Array): Generator<TableRow> {
  for (const batch of recordsOf(file)) yield* rowsOfBatch(batch)
}

function* recordsOf(file: Uint8Array): Generator<Uint8Array> {
  let parts: Uint8Array[] | undefined
  for (const part of partsOf(file)) {
    if (part === undefined) parts = undefined
    else if (part.type === PART.full) yield part.bytes
    else if (part.type === PART.first) parts = [part.bytes]
    else parts?.push(part.bytes)
    if (part?.type === PART.last && parts !== undefined) {
      yield Buffer.concat(parts)
      parts = undefined
    }
  }
}

interface Part {
  readonly type: number
  readonly bytes: Uint8Array
}

/** undefined: something is missing here, and what was begun before it has no end. */
function* partsOf(file: Uint8Array): Generator<Part | undefined> {
  for (let start = 0; start < file.byteLength; start += BLOCK_BYTES) {
    const block = file.subarray(start, start + BLOCK_BYTES)
    for (let at = 0; block.byteLength - at > HEADER_BYTES;) {
      const part = partAt(block, at)
      yield part
      if (part === undefined) break
      at += HEADER_BYTES + part.bytes.byteLength
    }
  }
}

function partAt(block: Uint8Array, at: number): Part | undefined {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  const end = at + HEADER_BYTES + view.getUint16(at + 4, true)
  const type = block[at + 6] ?? 0
  if (type < PART.full || type > PART.last || end > block.byteLength) return undefined
  return { type, bytes: block.subarray(at + HEADER_BYTES, end) }
}

function* rowsOfBatch(batch: Uint8Array): Generator<TableRow> {
  try {
    for (let at = BATCH_HEADER_BYTES; at < batch.byteLength;) {
      const type = batch[at]
      const [key, afterKey] = stringAt(batch, at + 1)
      if (type === TYPE_DELETION) {
        at = afterKey
        continue
      }
      if (type !== TYPE_VALUE) return
      const [value, next] = stringAt(batch, afterKey)
      yield { key, value }
      at = next
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
}

function stringAt(bytes: Uint8Array, at: number): readonly [Uint8Array, next: number] {
  const [length, start] = readVarint(bytes, at)
  if (start + length > bytes.byteLength) throw new RangeError('it ends in the middle')
  return [bytes.subarray(start, start + length), start + length]
}
