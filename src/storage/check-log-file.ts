import { open, type FileHandle } from 'node:fs/promises'
import { maskedCrc32c } from './crc32c.ts'

/** LevelDB's log format (doc/log_format.md), of its write-ahead logs and of its manifest. */
const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7

export type LogEnding =
  /** Every record is whole. */
  | { readonly kind: 'whole' }
  /** The last record is cut short or was never written: what a power cut leaves of a write that nobody waited for. */
  | { readonly kind: 'torn'; readonly atByte: number }
  | { readonly kind: 'damaged'; readonly atByte: number }

/** Takes a part of a record whose checksum is right: the whole of it, or its first, middle or last part. */
type OnPart = (part: Uint8Array, type: PartType) => void
export const PART = { full: 1, first: 2, middle: 3, last: 4 } as const
type PartType = number

/**
 * Reads a log file against its checksums. LevelDB itself passes over broken records without a word and then deletes the
 * file, so this has to come before it opens the database.
 */
export async function checkLogFile(path: string, onPart: OnPart = () => undefined): Promise<LogEnding> {
  const file = await open(path, 'r')
  try {
    return await scan(file, onPart)
  } finally {
    await file.close()
  }
}

async function scan(file: FileHandle, onPart: OnPart): Promise<LogEnding> {
  const buffer = new Uint8Array(BLOCK_BYTES)
  /** Where zeros or a cut record began; whatever follows makes it damage. */
  let gap: number | undefined
  for (let start = 0; ; start += BLOCK_BYTES) {
    const { bytesRead } = await file.read(buffer, 0, BLOCK_BYTES, start)
    if (bytesRead === 0) return gap === undefined ? { kind: 'whole' } : { kind: 'torn', atByte: gap }
    const block = checkBlock(buffer.subarray(0, bytesRead), onPart)
    if (block.records > 0 && gap !== undefined) return { kind: 'damaged', atByte: gap }
    if (block.kind === 'damaged') return { kind: 'damaged', atByte: start + block.at }
    if (block.kind === 'gap') gap ??= start + block.at
  }
}

interface BlockEnding {
  readonly kind: 'whole' | 'gap' | 'damaged'
  readonly at: number
  readonly records: number
}

function checkBlock(block: Uint8Array, onPart: OnPart): BlockEnding {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  let at = 0
  let records = 0
  // Six bytes and less at the end of a block hold no record.
  while (BLOCK_BYTES - at >= HEADER_BYTES && at < block.byteLength) {
    if (block.byteLength - at < HEADER_BYTES) return { kind: 'gap', at, records }
    const length = view.getUint16(at + 4, true)
    const end = at + HEADER_BYTES + length
    const type = block[at + 6] ?? 0
    if (type === 0 && length === 0) return restIsZero(block, at, records)
    if (type > PART.last || end > BLOCK_BYTES) return { kind: 'damaged', at, records }
    if (end > block.byteLength) return { kind: 'gap', at, records }
    if (view.getUint32(at, true) !== maskedCrc32c(block.subarray(at + 6, end))) {
      return { kind: 'damaged', at, records }
    }
    records += 1
    onPart(block.subarray(at + HEADER_BYTES, end), type)
    at = end
  }
  return { kind: 'whole', at, records }
}

function restIsZero(block: Uint8Array, at: number, records: number): BlockEnding {
  return { kind: block.subarray(at).every((byte) => byte === 0) ? 'gap' : 'damaged', at, records }
}
