import { readVarint } from './varint.ts'

/**
 * Unpacks one block of raw snappy (google/snappy, format_description.txt): LevelDB compresses its blocks so, the list of a
 * table's blocks among them. Throws a RangeError for bytes that are none.
 */
export function unpackSnappy(packed: Uint8Array, maxBytes: number): Uint8Array {
  const { output, to } = unpack(packed, maxBytes)
  if (to !== output.byteLength) throw new RangeError('it unpacks to less than it says')
  return output
}

/** As far as it goes: what comes before the place where it is broken, and nothing when its length makes no sense. */
export function unpackSnappyFar(packed: Uint8Array, maxBytes: number): Uint8Array {
  try {
    const { output, to } = unpack(packed, maxBytes, { lenient: true })
    return output.subarray(0, to)
  } catch (error) {
    if (error instanceof RangeError) return new Uint8Array(0)
    throw error
  }
}

interface Unpacked {
  readonly output: Uint8Array
  /** Bytes of it that are filled. */
  readonly to: number
}

function unpack(packed: Uint8Array, maxBytes: number, { lenient = false } = {}): Unpacked {
  const [length, start] = readVarint(packed, 0)
  if (length > maxBytes) throw new RangeError('it would unpack to too much')
  const output = new Uint8Array(length)
  let [from, to] = [start, 0]
  try {
    while (from < packed.byteLength) {
      const tag = packed[from] ?? 0
      const element = (tag & 3) === 0 ? literal(packed, from) : copy(packed, from)
      from = element.next
      to = put(output, to, element)
    }
  } catch (error) {
    if (!lenient || !(error instanceof RangeError)) throw error
  }
  return { output, to }
}

interface Element {
  readonly length: number
  /** Bytes to take over as they are; absent: a copy of what was put out `back` bytes before. */
  readonly bytes?: Uint8Array
  readonly back: number
  readonly next: number
}

function literal(packed: Uint8Array, at: number): Element {
  const size = (packed[at] ?? 0) >> 2
  // From 60 on the length stands in the one to four bytes that follow.
  const extra = size < 60 ? 0 : size - 59
  const length = (extra === 0 ? size : littleEndian(packed, at + 1, extra)) + 1
  const begin = at + 1 + extra
  return { length, bytes: packed.subarray(begin, begin + length), back: 0, next: begin + length }
}

function copy(packed: Uint8Array, at: number): Element {
  const tag = packed[at] ?? 0
  if ((tag & 3) === 1) {
    const back = ((tag >> 5) << 8) | (packed[at + 1] ?? 0)
    return { length: ((tag >> 2) & 7) + 4, back, next: at + 2 }
  }
  const width = (tag & 3) === 2 ? 2 : 4
  return { length: (tag >> 2) + 1, back: littleEndian(packed, at + 1, width), next: at + 1 + width }
}

function put(output: Uint8Array, to: number, { length, bytes, back }: Element): number {
  const end = to + length
  if (end > output.byteLength) throw new RangeError('it unpacks to more than it says')
  if (bytes !== undefined) {
    if (bytes.byteLength !== length) throw new RangeError('it ends in the middle')
    output.set(bytes, to)
    return end
  }
  if (back === 0 || back > to) throw new RangeError('it points before its beginning')
  // Byte by byte: a copy may overlap what it writes, which is how runs are spelt.
  for (let at = to; at < end; at++) output[at] = output[at - back] ?? 0
  return end
}

function littleEndian(bytes: Uint8Array, at: number, width: number): number {
  let value = 0
  for (let index = width - 1; index >= 0; index--) value = value * 256 + (bytes[at + index] ?? 0)
  return value
}
