import { readVarint } from './varint.ts'

export interface TableRow {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/**
 * The rows of a block of LevelDB's table format (doc/table_format.md), in its order. A key is spelt as what it shares with the one
 * before it and the rest. Ends where a row makes no sense: with a RangeError, or silently when `lenient`.
 */
export function* rowsOfBlock(block: Uint8Array, { lenient = false } = {}): Generator<TableRow> {
  let key = new Uint8Array(0)
  for (let at = 0, end = endOfRows(block); at < end;) {
    const row = rowAt(block, at, key)
    if (row === undefined) {
      if (lenient) return
      throw new RangeError('a row of a block makes no sense')
    }
    yield row
    key = row.key
    at = row.next
  }
}

/** Rows end before the restart points and their number; a number that makes no sense leaves all of the block to rows. */
function endOfRows(block: Uint8Array): number {
  if (block.byteLength < 4) return 0
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  const end = block.byteLength - 4 * (view.getUint32(block.byteLength - 4, true) + 1)
  return end >= 0 ? end : block.byteLength
}

type FoundRow = { readonly key: Uint8Array<ArrayBuffer>; readonly value: Uint8Array; readonly next: number }

function rowAt(block: Uint8Array, at: number, before: Uint8Array): FoundRow | undefined {
  const lengths = lengthsAt(block, at)
  if (lengths === undefined) return undefined
  const { shared, unshared, valueLength, keyAt } = lengths
  const next = keyAt + unshared + valueLength
  if (shared > before.byteLength || next > block.byteLength) return undefined
  const key = new Uint8Array(shared + unshared)
  key.set(before.subarray(0, shared))
  key.set(block.subarray(keyAt, keyAt + unshared), shared)
  return { key, value: block.subarray(keyAt + unshared, next), next }
}

interface Lengths {
  readonly shared: number
  readonly unshared: number
  readonly valueLength: number
  readonly keyAt: number
}

function lengthsAt(block: Uint8Array, at: number): Lengths | undefined {
  try {
    const [shared, afterShared] = readVarint(block, at)
    const [unshared, afterUnshared] = readVarint(block, afterShared)
    const [valueLength, keyAt] = readVarint(block, afterUnshared)
    return { shared, unshared, valueLength, keyAt }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
