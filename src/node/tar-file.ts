/**
 * As much of the tar format (POSIX ustar) as a backup needs: plain files, one after the other, that `tar -tvf` lists and
 * `tar -xf` unpacks.
 */
const BLOCK_BYTES = 512
const MAX_NAME_BYTES = 100

export interface TarMember {
  readonly name: string
  readonly size: number
  /** Its bytes; they must be read to the end before the next member is asked for. */
  readonly content: AsyncIterable<Uint8Array>
}

/** The header of a file that only its owner may read. */
export function tarHeader(name: string, size: number, modifiedMs: number): Uint8Array {
  const header = new Uint8Array(BLOCK_BYTES)
  const put = (text: string, at: number): void => {
    header.set(new TextEncoder().encode(text), at)
  }
  if (new TextEncoder().encode(name).byteLength > MAX_NAME_BYTES) throw new RangeError(`too long: ${name}`)
  put(name, 0)
  put('0000600\0', 100)
  put('0000000\0', 108)
  put('0000000\0', 116)
  put(`${octal(size)}\0`, 124)
  put(`${octal(Math.floor(modifiedMs / 1000))}\0`, 136)
  put('        ', 148)
  put('0', 156)
  put('ustar\u000000', 257)
  put(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** Zeros up to the next block. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES)
}

export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * BLOCK_BYTES)
}

/** The files of a tar stream. Throws a RangeError for what is none, and for one that ends too early. */
export async function* readTar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember> {
  const reader = new ChunkReader(chunks)
  for (;;) {
    const header = await reader.take(BLOCK_BYTES)
    if (header.every((byte) => byte === 0)) return
    const { name, size } = parseHeader(header)
    const progress = { left: size }
    yield { name, size, content: contentOf(reader, progress) }
    // Whoever did not read it passes over it.
    const rest = contentOf(reader, progress)
    while ((await rest.next()).done !== true) continue
    await reader.take(tarPadding(size).byteLength)
  }
}

async function* contentOf(reader: ChunkReader, progress: { left: number }): AsyncGenerator<Uint8Array> {
  while (progress.left > 0) {
    const chunk = await reader.some(progress.left)
    progress.left -= chunk.byteLength
    yield chunk
  }
}

function parseHeader(header: Uint8Array): { readonly name: string; readonly size: number } {
  const text = (at: number, length: number): string =>
    new TextDecoder()
      .decode(header.subarray(at, at + length))
      .replace(/\0.*$/s, '')
      .trim()
  const size = Number.parseInt(text(124, 12), 8)
  const blank = Uint8Array.from(header)
  blank.fill(0x20, 148, 156)
  const isOurs = text(257, 5) === 'ustar' && Number.parseInt(text(148, 8), 8) === sumOf(blank)
  if (!isOurs || !(size >= 0)) throw new RangeError('this is no backup, or it is damaged')
  return { name: text(0, MAX_NAME_BYTES), size }
}

/** 11 digits: up to 8 GiB. */
function octal(value: number): string {
  const text = value.toString(8).padStart(11, '0')
  if (text.length > 11) throw new RangeError('too large for a tar file')
  return text
}

function sumOf(header: Uint8Array): number {
  return header.reduce((sum, byte) => sum + byte, 0)
}

class ChunkReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array()

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** At least one byte, and at most `most`. */
  async some(most: number): Promise<Uint8Array> {
    while (this.#rest.byteLength === 0) {
      const step = await this.#chunks.next()
      if (step.done === true) throw new RangeError('the backup ends in the middle')
      this.#rest = step.value
    }
    const chunk = this.#rest.subarray(0, most)
    this.#rest = this.#rest.subarray(chunk.byteLength)
    return chunk
  }

  async take(length: number): Promise<Uint8Array> {
    const taken = new Uint8Array(length)
    for (let at = 0; at < length;) {
      const chunk = await this.some(length - at)
      taken.set(chunk, at)
      at += chunk.byteLength
    }
    return taken
  }
}
