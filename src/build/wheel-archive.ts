import { close, constants, fstat, open } from 'node:fs'
import { promisify } from 'node:util'
import { fromFdPromise, type Entry, type ZipFile } from 'yauzl'
import { MAX_BLOB_BYTES } from '../core/limits.ts'
import { refuse, WheelRefusal } from './wheel-refusal.ts'

export interface WheelMember {
  readonly name: string
  /** Unpacked, as the archive says and as reading it will check. */
  readonly size: number
  /** Unpacked bytes; fails when they are not exactly {@link WheelMember.size}. */
  chunks(): AsyncIterable<Uint8Array>
  readonly packed: PackedMember
}

/** A member as it lies in the archive: what is needed to put it into another one as it is. */
export interface PackedMember {
  /** 0 stored, 8 deflated. */
  readonly method: number
  readonly crc32: number
  /** Bytes in the archive. */
  readonly size: number
  /** Time and date as in MS-DOS, time in the lower half. */
  readonly modified: number
  /** `version made by`: the upper half tells how to read the attributes. */
  readonly madeBy: number
  readonly attributes: number
  chunks(): AsyncIterable<Uint8Array>
}

export interface WheelArchive {
  /** Files, without folders, by name. */
  readonly members: ReadonlyMap<string, WheelMember>
  close(): void
}

/** Bounds of what a build may leave: the largest wheels known have some 30,000 files and 3 GiB. */
const MAX_MEMBERS = 100_000
const MAX_UNPACKED_BYTES = 4 * MAX_BLOB_BYTES
const MAX_NAME_BYTES = 1_000
/** Above {@link BOMB_FLOOR_BYTES}, what packs better than this is made to fill disks: shared libraries reach 1:4. */
const MAX_RATIO = 200
const BOMB_FLOOR_BYTES = 64 * 1024 * 1024
const LOCAL_HEADER_BYTES = 30
/** A data descriptor behind a member: signature, CRC, two sizes of up to 8 bytes. */
const MAX_DESCRIPTOR_BYTES = 24
const UTF8_FLAG = 0x800
const STORED = 0
const DEFLATED = 8

/**
 * Opens a wheel as a stranger's work: bounded, every member's place and name checked, and read the same by those who
 * walk the archive from its start and those who trust its directory. Throws a WheelRefusal. Spec: PEP 427.
 */
export async function openWheel(path: string): Promise<WheelArchive> {
  const zip = await openZip(path)
  try {
    const entries = await orMalformed(readEntries(zip))
    checkSizes(entries)
    await orMalformed(checkPlaces(zip, entries))
    return {
      members: membersOf(zip, entries),
      close: () => {
        zip.close()
      }
    }
  } catch (error) {
    zip.close()
    throw error
  }
}

/** A build may leave a link to a secret, or a pipe that never answers: only a plain file is opened. */
async function openZip(path: string): Promise<ZipFile> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const fd = await promisify(open)(path, flags).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ELOOP')
      refuse('malformed-archive', 'a link')
    throw error
  })
  try {
    if (!(await promisify(fstat)(fd)).isFile()) refuse('malformed-archive', 'not a file')
    return await orMalformed(fromFdPromise(fd, { autoClose: false, decodeStrings: false }))
  } catch (error) {
    await promisify(close)(fd)
    throw error
  }
}

/** Disk faults pass through; what zlib and yauzl say is about the archive. */
async function orMalformed<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof WheelRefusal || isSystemFault(error)) throw error
    return refuse('malformed-archive', error instanceof Error ? error.message : 'unreadable')
  }
}

interface NamedEntry {
  readonly name: string
  readonly entry: Entry
}

async function readEntries(zip: ZipFile): Promise<readonly NamedEntry[]> {
  if (zip.entryCount > MAX_MEMBERS) refuse('archive-too-large', `${zip.entryCount} members`)
  const entries: NamedEntry[] = []
  for await (const entry of zip.eachEntry()) entries.push({ name: checkedName(entry), entry })
  return entries
}

/** Relative, normal, UTF-8, one meaning everywhere: a member must end where its name says, on every system. */
function checkedName(entry: Entry): string {
  const raw = entry.fileNameRaw
  const name = raw.toString('utf8')
  const shown = JSON.stringify(name.slice(0, 100))
  const segments = name.replace(/\/$/, '').split('/')
  if (raw.length > MAX_NAME_BYTES || /[\p{Cc}\\:\uFFFD]/u.test(name)) refuse('unsafe-member', `name ${shown}`)
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    refuse('unsafe-member', `name ${shown}`)
  }
  if (raw.length !== name.length && (entry.generalPurposeBitFlag & UTF8_FLAG) === 0) {
    refuse('unsafe-member', `name ${shown} is not marked as UTF-8`)
  }
  checkKind(entry, shown)
  return name
}

/** Only files and folders, stored or deflated, not encrypted. The type sits in the upper half on Unix (0 when unset). */
function checkKind(entry: Entry, shown: string): void {
  const type = (entry.externalFileAttributes >>> 16) & 0o170000
  const madeOnUnix = entry.versionMadeBy >>> 8 === 3
  if (madeOnUnix && type !== 0 && type !== 0o100000 && type !== 0o040000) {
    refuse('unsafe-member', `${shown} is a link or device`)
  }
  if (entry.isEncrypted() || (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)) {
    refuse('malformed-archive', `${shown} is encrypted or packed in an unusual way`)
  }
}

function checkSizes(entries: readonly NamedEntry[]): void {
  const unpacked = entries.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0)
  const packed = entries.reduce((sum, { entry }) => sum + entry.compressedSize, 0)
  if (unpacked > MAX_UNPACKED_BYTES) refuse('archive-too-large', `${unpacked} bytes unpacked`)
  if (unpacked > BOMB_FLOOR_BYTES && unpacked > packed * MAX_RATIO) {
    refuse('archive-bomb', `${packed} bytes unpack to ${unpacked}`)
  }
}

/** Members follow each other from the first byte, with the names that the directory gives them: no overlap, no hiding place. */
async function checkPlaces(zip: ZipFile, entries: readonly NamedEntry[]): Promise<void> {
  const inPlace = [...entries].sort(
    (a, b) => a.entry.relativeOffsetOfLocalHeader - b.entry.relativeOffsetOfLocalHeader
  )
  let end = 0
  for (const { name, entry } of inPlace) {
    const gap = entry.relativeOffsetOfLocalHeader - end
    if (gap < 0) refuse('archive-bomb', `${name} overlaps another member`)
    if (gap > (end === 0 ? 0 : MAX_DESCRIPTOR_BYTES))
      refuse('malformed-archive', `hidden bytes before ${name}`)
    const local = await zip.readLocalFileHeaderPromise(entry)
    if (!local.fileName.equals(entry.fileNameRaw) || local.compressionMethod !== entry.compressionMethod) {
      refuse('malformed-archive', `${name} has another header in its place`)
    }
    const headerBytes = LOCAL_HEADER_BYTES + local.fileNameLength + local.extraFieldLength
    end = entry.relativeOffsetOfLocalHeader + headerBytes + entry.compressedSize
  }
}

function membersOf(zip: ZipFile, entries: readonly NamedEntry[]): ReadonlyMap<string, WheelMember> {
  const members = new Map<string, WheelMember>()
  const taken = new Set<string>()
  for (const { name, entry } of entries) {
    if (taken.has(name)) refuse('duplicate-member', name)
    taken.add(name)
    if (name.endsWith('/')) continue
    const size = entry.uncompressedSize
    members.set(name, {
      name,
      size,
      chunks: () => readMember(zip, entry, {}),
      packed: packedOf(zip, entry)
    })
  }
  return members
}

function packedOf(zip: ZipFile, entry: Entry): PackedMember {
  return {
    method: entry.compressionMethod,
    crc32: entry.crc32,
    size: entry.compressedSize,
    modified: ((entry.lastModFileDate << 16) | entry.lastModFileTime) >>> 0,
    madeBy: entry.versionMadeBy,
    attributes: entry.externalFileAttributes >>> 0,
    chunks: () => readMember(zip, entry, { decodeFileData: false })
  }
}

async function* readMember(
  zip: ZipFile,
  entry: Entry,
  options: { readonly decodeFileData?: false }
): AsyncGenerator<Uint8Array> {
  const stream = await orMalformed(zip.openReadStreamPromise(entry, options))
  try {
    for await (const chunk of stream) yield chunk as Uint8Array
  } catch (error) {
    await orMalformed(Promise.reject(error as Error))
  } finally {
    stream.destroy()
  }
}

function isSystemFault(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
