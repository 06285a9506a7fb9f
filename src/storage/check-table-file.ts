import { open, type FileHandle } from 'node:fs/promises'
import { maskedCrc32c } from './crc32c.ts'
import { unpackSnappy } from './snappy.ts'
import { rowsOfBlock } from './table-rows.ts'
import { readVarint } from './varint.ts'

/** LevelDB's table format (doc/table_format.md). */
const FOOTER_BYTES = 48
const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]
/** After each block: one byte of compression, four of checksum. */
const TRAILER_BYTES = 5
/** Compression of a block: none, or snappy. */
const SNAPPY = 1
/** A list of blocks is some KiB; what claims more is none. */
const MAX_BLOCK_BYTES = 64 * 1024 * 1024

interface Handle {
  readonly offset: number
  readonly size: number
}

/** What is wrong with the end of a table file, where its index lies: one short read. undefined: nothing. */
export async function checkTableEnd(path: string): Promise<string | undefined> {
  const file = await open(path, 'r')
  try {
    await readFooter(file)
    return undefined
  } catch (error) {
    return problemOf(error)
  } finally {
    await file.close()
  }
}

/**
 * Reads every block of a table file against its checksum; LevelDB does so neither when it reads nor when it compacts.
 * `onBytes` runs after each block. undefined: all is well.
 */
export async function checkTable(
  path: string,
  onBytes: (bytes: number) => Promise<void>
): Promise<string | undefined> {
  const file = await open(path, 'r')
  try {
    const { metaIndex, index } = await readFooter(file)
    const handles = [
      metaIndex,
      ...handlesIn(await readBlock(file, metaIndex)),
      ...handlesIn(await readBlock(file, index))
    ]
    for (const handle of handles) {
      await readBlock(file, handle)
      await onBytes(handle.size)
    }
    return undefined
  } catch (error) {
    return problemOf(error)
  } finally {
    await file.close()
  }
}

/** RangeErrors are ours: about bytes. Everything else is the system's and no finding. */
function problemOf(error: unknown): string {
  if (error instanceof RangeError) return error.message
  throw error
}

async function readFooter(file: FileHandle): Promise<{ readonly metaIndex: Handle; readonly index: Handle }> {
  const { size } = await file.stat()
  if (size < FOOTER_BYTES) throw new RangeError('it is cut short')
  const footer = await readAt(file, size - FOOTER_BYTES, FOOTER_BYTES)
  const magic = footer.subarray(FOOTER_BYTES - MAGIC.length)
  if (MAGIC.some((byte, at) => magic[at] !== byte)) throw new RangeError('its end is not that of a table')
  const [metaIndex, next] = readHandle(footer, 0)
  const [index] = readHandle(footer, next)
  return { metaIndex, index }
}

function readHandle(bytes: Uint8Array, at: number): readonly [Handle, next: number] {
  const [offset, afterOffset] = readVarint(bytes, at)
  const [size, next] = readVarint(bytes, afterOffset)
  if (size > MAX_BLOCK_BYTES) throw new RangeError(`a block of ${size} bytes is none`)
  return [{ offset, size }, next]
}

async function readBlock(file: FileHandle, { offset, size }: Handle): Promise<Uint8Array> {
  const stored = await readAt(file, offset, size + TRAILER_BYTES)
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  if (view.getUint32(size + 1, true) !== maskedCrc32c(stored.subarray(0, size + 1))) {
    throw new RangeError(`the checksum at byte ${offset} is wrong`)
  }
  const packed = stored.subarray(0, size)
  return stored[size] === SNAPPY ? unpackSnappy(packed, MAX_BLOCK_BYTES) : packed
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, position)
  if (bytesRead < length) throw new RangeError(`it ends before byte ${position + length}`)
  return buffer
}

/** The values of a block of `key → handle`. */
function handlesIn(block: Uint8Array): readonly Handle[] {
  return Array.from(rowsOfBlock(block), ({ value }) => readHandle(value, 0)[0])
}
