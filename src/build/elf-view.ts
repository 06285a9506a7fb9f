/**
 * Reads numbers and strings from untrusted bytes in the byte order and word size of their ELF header. Every read is
 * checked: outside of the bytes, or above what a number holds exactly, it throws a RangeError.
 */
export class ElfView {
  readonly wide: boolean
  readonly #view: DataView
  readonly #littleEndian: boolean

  constructor(bytes: Uint8Array, format: { readonly wide: boolean; readonly littleEndian: boolean }) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#littleEndian = format.littleEndian
    this.wide = format.wide
  }

  u8(at: number): number {
    return this.#view.getUint8(at)
  }

  u16(at: number): number {
    return this.#view.getUint16(at, this.#littleEndian)
  }

  u32(at: number): number {
    return this.#view.getUint32(at, this.#littleEndian)
  }

  /** 4 or 8 bytes, as the header says. */
  word(at: number): number {
    if (!this.wide) return this.u32(at)
    const value = Number(this.#view.getBigUint64(at, this.#littleEndian))
    if (!Number.isSafeInteger(value)) throw new RangeError('number too large')
    return value
  }

  /** Up to the next zero byte. */
  text(at: number): string {
    let end = at
    while (this.u8(end) !== 0) {
      if (++end - at > MAX_TEXT_BYTES) throw new RangeError('string too long')
    }
    const bytes = new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, end - at)
    return new TextDecoder('latin1').decode(bytes)
  }
}

/** Library names and search paths; symbol names are not read. */
const MAX_TEXT_BYTES = 4_096
