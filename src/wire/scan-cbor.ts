import { MAX_CBOR_DEPTH } from '../core/limits.ts'
import { malformed } from './wire-error.ts'

/** What one item may cost before any object is made of it. */
const MAX_ITEMS = 20_000

/**
 * Walks CBOR (RFC 8949) without building anything and throws unless it is one item of plain data: no tags (a decoder makes
 * bignums, RegExp and Error objects of them, a 128 KiB bignum blocks it for seconds), no indefinite lengths, text keys
 * only, integers that a double holds, {@link MAX_CBOR_DEPTH} levels.
 */
export function scanCbor(bytes: Uint8Array): void {
  const scanner = new Scanner(bytes)
  scanner.item(0)
  if (scanner.offset !== bytes.byteLength) throw malformed('bytes after the end')
}

class Scanner {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  offset = 0
  #items = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  item(depth: number): void {
    if (depth > MAX_CBOR_DEPTH) throw malformed('nested too deep')
    if (++this.#items > MAX_ITEMS) throw malformed('too many items')
    const initial = this.#byte()
    const major = initial >> 5
    if (major === 7) {
      this.#simple(initial & 31)
      return
    }
    const argument = this.#argument(initial & 31)
    if (major === 6) throw malformed('tags are not allowed')
    if (major === 2 || major === 3) this.#skip(argument)
    if (major === 4) for (let i = 0; i < argument; i++) this.item(depth + 1)
    if (major === 5) for (let i = 0; i < argument; i++) this.#pair(depth)
  }

  #pair(depth: number): void {
    if ((this.#bytes[this.offset] ?? 0) >> 5 !== 3) throw malformed('a map key is not text')
    this.item(depth + 1)
    this.item(depth + 1)
  }

  #simple(info: number): void {
    // false, true, null, undefined, float32, float64
    if (info >= 20 && info <= 23) return
    if (info === 26) this.#skip(4)
    else if (info === 27) this.#skip(8)
    else throw malformed('a simple value that we do not use')
  }

  #argument(info: number): number {
    if (info < 24) return info
    if (info === 24) return this.#byte()
    const size = info === 25 ? 2 : info === 26 ? 4 : info === 27 ? 8 : 0
    if (size === 0) throw malformed('indefinite or reserved length')
    const at = this.offset
    this.#skip(size)
    if (size === 2) return this.#view.getUint16(at)
    if (size === 4) return this.#view.getUint32(at)
    const high = this.#view.getUint32(at)
    if (high > 0x1fffff) throw malformed('an integer beyond 2^53')
    return high * 2 ** 32 + this.#view.getUint32(at + 4)
  }

  #byte(): number {
    const value = this.#bytes[this.offset]
    if (value === undefined) throw malformed('ends too early')
    this.offset++
    return value
  }

  #skip(length: number): void {
    this.offset += length
    if (this.offset > this.#bytes.byteLength) throw malformed('ends too early')
  }
}
