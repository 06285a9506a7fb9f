import { open, type FileHandle } from 'node:fs/promises'
import type { PackedMember } from './wheel-archive.ts'
import { refuse } from './wheel-refusal.ts'

/** What the fields of a zip without its 64-bit additions hold. */
const MAX_FIELD = 0xffff_ffff
const MAX_ENTRIES = 0xffff
const LOCAL_SIGNATURE = 0x04034b50
const DIRECTORY_SIGNATURE = 0x02014b50
const END_SIGNATURE = 0x06054b50
/** 2.0: deflate and folders. */
const VERSION_NEEDED = 20
const UTF8_FLAG = 0x800

/**
 * Writes a zip archive out of members that are packed already. The same members give the same bytes, on every machine and
 * with every version of zlib. Spec: APPNOTE.TXT 6.3, sections 4.3 to 4.5.
 */
export class ZipWriter {
  readonly #file: FileHandle
  readonly #directory: Buffer[] = []
  #end = 0

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /** A new file; one of that name must not be there. */
  static async create(path: string): Promise<ZipWriter> {
    return new ZipWriter(await open(path, 'wx', 0o600))
  }

  /** `size`: unpacked. */
  async add(name: string, size: number, packed: PackedMember): Promise<void> {
    const raw = Buffer.from(name)
    const at = this.#end
    const shared = sharedFields(raw, size, packed)
    if (this.#directory.length >= MAX_ENTRIES - 1 || Math.max(size, packed.size, at) >= MAX_FIELD)
      refuse('archive-too-large', 'too large for tags to be changed')
    await this.#append(Buffer.concat([numbers([LOCAL_SIGNATURE, 4]), shared, numbers([0, 2]), raw]))
    const dataAt = this.#end
    for await (const chunk of packed.chunks()) await this.#append(chunk)
    if (this.#end - dataAt !== packed.size) refuse('malformed-archive', `${name} is not as long as it says`)
    const head = numbers([DIRECTORY_SIGNATURE, 4], [packed.madeBy, 2])
    // no extra field, no comment, first disk, no inner attributes
    const tail = numbers([0, 2], [0, 2], [0, 2], [0, 2], [packed.attributes, 4], [at, 4])
    this.#directory.push(Buffer.concat([head, shared, tail, raw]))
  }

  async finish(): Promise<void> {
    const at = this.#end
    const count = this.#directory.length
    for (const entry of this.#directory) await this.#append(entry)
    const size = this.#end - at
    await this.#append(
      numbers([END_SIGNATURE, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [at, 4], [0, 2])
    )
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      at += (await this.#file.write(bytes, at, bytes.byteLength - at, this.#end + at)).bytesWritten
    }
    this.#end += bytes.byteLength
  }
}

/** From the version needed to the length of the name: the same in both headers. */
function sharedFields(name: Buffer, size: number, packed: PackedMember): Buffer {
  const isAscii = name.every((byte) => byte < 0x80)
  return numbers(
    [VERSION_NEEDED, 2],
    [isAscii ? 0 : UTF8_FLAG, 2],
    [packed.method, 2],
    [packed.modified, 4],
    [packed.crc32, 4],
    [packed.size, 4],
    [size, 4],
    [name.byteLength, 2]
  )
}

function numbers(...fields: readonly (readonly [value: number, bytes: 2 | 4])[]): Buffer {
  const out = Buffer.alloc(fields.reduce((sum, [, bytes]) => sum + bytes, 0))
  let at = 0
  for (const [value, bytes] of fields) at = out.writeUIntLE(value, at, bytes)
  return out
}
