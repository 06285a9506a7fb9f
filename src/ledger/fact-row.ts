import { hexToBytes, bytesToHex } from '../core/hex.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import { recordId } from '../core/record.ts'
import type { RowArena } from './row-arena.ts'

/** A record as a row holds it: whose it is, where it stands, and its bytes as they came. */
export interface RowFact {
  readonly entry: Sha256
  readonly index: number
  readonly author: NodeId
  /** By what the facts of a row are in order; ties by record id. */
  readonly order: number
  readonly slice: Uint8Array
}

/*
 * fact = entry hash (32 bytes), index (1), order (8, double), length of author (1), author, length of slice (4), slice.
 * The order makes the bytes of a row a function of the set of its facts, whichever came first.
 */
const HASH_BYTES = 32
const ORDER_AT = HASH_BYTES + 1
const AUTHOR_AT = ORDER_AT + 8 + 1
const LENGTH_BYTES = 4

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function encodeFact(fact: RowFact, arena: RowArena): Uint8Array {
  return factWriter(fact.entry, fact.author, arena)(fact)
}

/** Encodes the facts of one entry: what they have in common is made once. */
export function factWriter(
  entry: Sha256,
  author: NodeId,
  arena: RowArena
): (fact: Pick<RowFact, 'index' | 'order' | 'slice'>) => Uint8Array {
  const [hash, name] = [hexToBytes(entry), encoder.encode(author)]
  const sliceAt = AUTHOR_AT + name.byteLength + LENGTH_BYTES
  return ({ index, order, slice }) => {
    const bytes = arena.take(sliceAt + slice.byteLength)
    const view = viewOf(bytes)
    bytes.set(hash)
    bytes[HASH_BYTES] = index
    view.setFloat64(ORDER_AT, order)
    bytes[AUTHOR_AT - 1] = name.byteLength
    bytes.set(name, AUTHOR_AT)
    view.setUint32(sliceAt - LENGTH_BYTES, slice.byteLength)
    bytes.set(slice, sliceAt)
    return bytes
  }
}

/** The facts of a row, in its order. */
export function decodeFacts(row: Uint8Array): readonly RowFact[] {
  const facts: RowFact[] = []
  for (const at of placesOf(row)) facts.push(factAt(row, at))
  return facts
}

export function rowFactId({ entry, index }: Pick<RowFact, 'entry' | 'index'>): string {
  return recordId(entry, index)
}

/** The row with one fact more, whose bytes are `added`; the same row when it is there already. */
export function insertFact(row: Uint8Array, fact: RowFact, added: Uint8Array): Uint8Array {
  let before = row.byteLength
  for (const at of placesOf(row)) {
    const order = comparePlaces(row, at, fact)
    if (order === 0) return row
    if (order < 0) continue
    before = at
    break
  }
  const bytes = new Uint8Array(row.byteLength + added.byteLength)
  bytes.set(row.subarray(0, before))
  bytes.set(added, before)
  bytes.set(row.subarray(before), before + added.byteLength)
  return bytes
}

function* placesOf(row: Uint8Array): Iterable<number> {
  const view = viewOf(row)
  for (let at = 0; at < row.byteLength;) {
    yield at
    const slice = at + AUTHOR_AT + (row[at + AUTHOR_AT - 1] ?? 0)
    at = slice + LENGTH_BYTES + view.getUint32(slice)
  }
}

function factAt(row: Uint8Array, at: number): RowFact {
  const view = viewOf(row)
  const authorEnd = at + AUTHOR_AT + (row[at + AUTHOR_AT - 1] ?? 0)
  const sliceAt = authorEnd + LENGTH_BYTES
  return {
    entry: bytesToHex(row.subarray(at, at + HASH_BYTES)) as Sha256,
    index: row[at + HASH_BYTES] ?? 0,
    order: view.getFloat64(at + ORDER_AT),
    author: decoder.decode(row.subarray(at + AUTHOR_AT, authorEnd)) as NodeId,
    slice: row.subarray(sliceAt, sliceAt + view.getUint32(authorEnd))
  }
}

/** How the fact at a place of a row compares with another one. */
function comparePlaces(row: Uint8Array, at: number, fact: RowFact): number {
  const order = viewOf(row).getFloat64(at + ORDER_AT) - fact.order
  if (order !== 0) return order
  const known = factAt(row, at)
  const [a, b] = [rowFactId(known), rowFactId(fact)]
  return a < b ? -1 : a > b ? 1 : 0
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
