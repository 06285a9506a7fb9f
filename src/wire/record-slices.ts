import { malformed } from './wire-error.ts'

const RECORDS = 'records'
const [ARRAY, MAP] = [4, 5] as const

/** An entry's payload, taken apart. */
interface PayloadParts {
  /** The bytes of each record, as its author wrote them. Undefined: there is no list of them. */
  readonly records: readonly Uint8Array[] | undefined
  /** The bytes of everything else, by name. */
  readonly fields: ReadonlyMap<string, Uint8Array>
}

/** Takes apart what has been through scanCbor. Throws a WireError when it is no map. */
export function partsOfPayload(payload: Uint8Array): PayloadParts {
  const walker = new Walker(payload)
  if (walker.major() !== MAP) throw malformed('entry is not a map')
  let records: readonly Uint8Array[] | undefined
  const fields = new Map<string, Uint8Array>()
  // Of a key that is there twice the last one counts, as for the decoder.
  for (let pairs = walker.head(); pairs > 0; pairs--) {
    const name = walker.text()
    if (name !== RECORDS) fields.set(name, walker.item())
    else if (walker.major() === ARRAY) records = walker.items()
    else {
      walker.skip()
      records = undefined
    }
  }
  return { records, fields }
}

/** The bytes of each record of an entry's payload that was decoded before: stored views keep these instead of encoding anew. */
export function recordSlices(payload: Uint8Array): readonly Uint8Array[] {
  return partsOfPayload(payload).records ?? []
}

/** Steps over CBOR of our subset (scan-cbor.ts) item by item. */
class Walker {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** The argument of the item's head: a length, a count or a value. */
  head(): number {
    const info = (this.#bytes[this.#at++] ?? 0) & 31
    if (info < 24) return info
    const at = this.#at
    if (info === 24) this.#at += 1
    else if (info === 25) this.#at += 2
    else if (info === 26) this.#at += 4
    else this.#at += 8
    if (this.#at > this.#bytes.byteLength) throw malformed('ends too early')
    if (info === 24) return this.#bytes[at] ?? 0
    if (info === 25) return this.#view.getUint16(at)
    if (info === 26) return this.#view.getUint32(at)
    return this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4)
  }

  text(): string {
    const length = this.head()
    const start = this.#at
    this.#at += length
    return String.fromCharCode(...this.#bytes.subarray(start, this.#at))
  }

  /** The next item's major type. */
  major(): number {
    return (this.#bytes[this.#at] ?? 0) >> 5
  }

  items(): readonly Uint8Array[] {
    return Array.from({ length: this.head() }, () => this.item())
  }

  item(): Uint8Array {
    const start = this.#at
    this.skip()
    return this.#bytes.subarray(start, this.#at)
  }

  skip(): void {
    for (let left = 1; left > 0; left--) {
      if (this.#at >= this.#bytes.byteLength) throw malformed('ends too early')
      const major = (this.#bytes[this.#at] ?? 0) >> 5
      const argument = this.head()
      if (major === 2 || major === 3) this.#at += argument
      else if (major === 4) left += argument
      else if (major === 5) left += 2 * argument
    }
  }
}
