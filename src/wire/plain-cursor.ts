const decoder = new TextDecoder()
const HEX_64 = 64
/** 1 for the characters of lower-case hex. */
const IS_HEX = Uint8Array.from({ length: 256 }, (_, code) =>
  (code >= 48 && code <= 57) || (code >= 97 && code <= 102) ? 1 : 0
)
const [UNSIGNED, TEXT, ARRAY, MAP] = [0, 3, 4, 5] as const
const FLOAT_64 = 0xfb

/**
 * Reads CBOR of one known layout straight into values, without objects in between. The bytes have been through scanCbor. Whatever
 * is out of the ordinary (another type, text that is not ASCII, too long) makes it odd: what it returns from then on means nothing,
 * and the bytes are for the common decoder to judge.
 */
export class PlainCursor {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  at = 0
  isOdd = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** How many pairs follow. */
  map(): number {
    return this.#length(MAP, Infinity)
  }

  /** How many items follow. */
  array(max: number): number {
    return this.#length(ARRAY, max)
  }

  /** One of the table's keys; odd when it is none of them. */
  key(table: KeyTable): string {
    const length = this.#length(TEXT, HEX_64)
    const key = this.isOdd ? undefined : table.find(this.#bytes, this.at, length)
    this.at += length
    if (key === undefined) this.isOdd = true
    return key ?? ''
  }

  /** The next item is this one, of {@link encodedKey}. */
  expect(encoded: Uint8Array): void {
    if (!this.skips(encoded)) this.isOdd = true
  }

  text(max: number): string {
    const bytes = this.#bytes
    const length = this.#length(TEXT, max)
    const [start, end] = [this.at, this.at + length]
    this.at = end
    let bits = 0
    for (let at = start; at < end; at++) bits |= bytes[at] ?? 128
    if (bits > 127) this.isOdd = true
    return this.isOdd ? '' : decoder.decode(bytes.subarray(start, end))
  }

  /** 64 digits of lower-case hex. */
  hex64(): string {
    const bytes = this.#bytes
    const length = this.#length(TEXT, HEX_64)
    const [start, end] = [this.at, this.at + length]
    this.at = end
    let digits = 0
    for (let at = start; at < end; at++) digits += IS_HEX[bytes[at] ?? 0] ?? 0
    if (digits !== HEX_64) this.isOdd = true
    return this.isOdd ? '' : decoder.decode(bytes.subarray(start, end))
  }

  /** From 0 to `max`; our encoder writes what 32 bits do not hold as a double. */
  integer(max: number): number {
    if (this.#bytes[this.at] !== FLOAT_64) return this.#length(UNSIGNED, max)
    const value = this.at + 9 > this.#bytes.byteLength ? NaN : this.#view.getFloat64(this.at + 1)
    this.at += 9
    if (!Number.isInteger(value) || value < 0 || value > max) this.isOdd = true
    return value
  }

  /** Whether these very bytes come next; they are stepped over then. */
  skips(known: Uint8Array): boolean {
    const [bytes, start, length] = [this.#bytes, this.at, known.byteLength]
    if (start + length > bytes.byteLength) return false
    for (let at = 0; at < length; at++) if (known[at] !== bytes[start + at]) return false
    this.at = start + length
    return true
  }

  /** The bytes since a place. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.at)
  }

  #length(major: number, max: number): number {
    const initial = this.#uint(1)
    const info = initial & 31
    const value = info < 24 ? info : info < 27 ? this.#uint(2 ** (info - 24)) : NaN
    if (initial >> 5 !== major || !(value <= max)) this.isOdd = true
    return this.isOdd ? 0 : value
  }

  #uint(size: number): number {
    const at = this.at
    this.at += size
    if (this.at > this.#bytes.byteLength) this.isOdd = true
    else if (size === 1) return this.#bytes[at] ?? 0
    else return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at)
    return 0
  }
}

/** A short text (at most 23 characters of ASCII) as CBOR. */
export function encodedKey(key: string): Uint8Array {
  return Uint8Array.from([(TEXT << 5) | key.length, ...Array.from(key, (char) => char.charCodeAt(0))])
}

/** Finds texts by their bytes, so that no string is made of what is a key. */
export class KeyTable {
  readonly #keys = new Map<number, string>()

  /** ASCII, and no two of the same length with the same first and last character. */
  constructor(keys: readonly string[]) {
    for (const key of keys)
      this.#keys.set(placeOf(key.length, key.charCodeAt(0), key.charCodeAt(key.length - 1)), key)
    if (this.#keys.size !== keys.length) throw new TypeError('two keys share a place')
  }

  find(bytes: Uint8Array, start: number, length: number): string | undefined {
    const key = this.#keys.get(placeOf(length, bytes[start] ?? 0, bytes[start + length - 1] ?? 0))
    if (key === undefined) return undefined
    for (let at = 1; at < length; at++) if (bytes[start + at] !== key.charCodeAt(at)) return undefined
    return key
  }
}

function placeOf(length: number, first: number, last: number): number {
  return (length << 16) | (first << 8) | last
}
