/** An unsigned LEB128 number of at most 53 bits, and where the next thing begins. Throws a RangeError for anything else. */
export function readVarint(bytes: Uint8Array, at: number): readonly [value: number, next: number] {
  let value = 0
  let factor = 1
  for (let index = at; index < bytes.byteLength && index < at + 8; index++) {
    const byte = bytes[index] ?? 0
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return [value, index + 1]
    factor *= 128
  }
  throw new RangeError('not a varint')
}
