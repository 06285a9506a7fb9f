import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipEntry {
  readonly name: string
  readonly data: Uint8Array | string
  readonly deflate?: boolean
  /** Unix mode with file type; 0o100644 unless said. */
  readonly mode?: number
  readonly utf8?: boolean
  /** What the directory claims, when it is to lie. */
  readonly claimedSize?: number
  /** The name in front of the data, when it is to differ from the directory's. */
  readonly localName?: string
  /** Takes the place of the entry before instead of its own. */
  readonly overlap?: boolean
}

const DOS_DATE_1980 = 0x21
const UTF8_FLAG = 0x800

/** A zip archive, the same bytes every time, with whatever is wrong with it that a test asks for. */
export function makeZip(entries: readonly ZipEntry[]): Buffer {
  const bodies: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  let lastOffset = 0
  for (const entry of entries) {
    const body = localEntry(entry)
    const at = entry.overlap ? lastOffset : offset
    directory.push(directoryEntry(entry, at))
    lastOffset = at
    if (entry.overlap) continue
    bodies.push(body)
    offset += body.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...bodies, central, end])
}

function localEntry(entry: ZipEntry): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  const name = Buffer.from(entry.localName ?? entry.name)
  commonFields(entry, name).copy(header, 6)
  return Buffer.concat([header, name, packed(entry)])
}

function directoryEntry(entry: ZipEntry, offset: number): Buffer {
  const header = Buffer.alloc(46)
  const name = Buffer.from(entry.name)
  header.writeUInt32LE(0x02014b50, 0)
  header.writeUInt16LE((3 << 8) | 20, 4)
  header.writeUInt16LE(20, 6)
  commonFields(entry, name).copy(header, 8)
  header.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 38)
  header.writeUInt32LE(offset, 42)
  return Buffer.concat([header, name])
}

/** From the flags to the lengths: the same in both headers. */
function commonFields(entry: ZipEntry, name: Buffer): Buffer {
  const data = Buffer.from(entry.data)
  const fields = Buffer.alloc(24)
  fields.writeUInt16LE((entry.utf8 ?? true) ? UTF8_FLAG : 0, 0)
  fields.writeUInt16LE(entry.deflate ? 8 : 0, 2)
  fields.writeUInt16LE(0, 4)
  fields.writeUInt16LE(DOS_DATE_1980, 6)
  fields.writeUInt32LE(crc32(data), 8)
  fields.writeUInt32LE(packed(entry).length, 12)
  fields.writeUInt32LE(entry.claimedSize ?? data.length, 16)
  fields.writeUInt16LE(name.length, 20)
  return fields
}

function packed(entry: ZipEntry): Buffer {
  return entry.deflate ? deflateRawSync(entry.data) : Buffer.from(entry.data)
}
