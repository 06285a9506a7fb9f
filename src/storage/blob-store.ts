import { createHash } from 'node:crypto'
import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { BlobError } from '../core/blob-error.ts'
import { piecesOf } from '../core/blob-pieces.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'
import { BLOB_CHUNK_BYTES, MAX_BLOB_BYTES } from '../core/limits.ts'
import type {
  BlobRange,
  BlobWriteOptions,
  PartStore,
  PieceStore,
  Random,
  WrittenBlob
} from '../core/ports.ts'
import { ReadBuffers } from '../core/read-buffers.ts'
import { blobPaths, type BlobPaths } from './blob-paths.ts'
import { isNotFound, moveDurably, removeFile } from './files.ts'
import { PartialFiles } from './partial-blob.ts'
import { PieceHasher, PieceLists } from './piece-list.ts'
import { readPart } from './read-part.ts'
import { StorageError, toStorageError } from './storage-error.ts'
import { sweepLeftovers } from './sweep-leftovers.ts'

export interface DiskBlobStore extends PieceStore, PartStore {
  /** Reads the whole blob: `false` when its bytes are no longer those that its name promises. */
  verify(digest: Sha256): Promise<boolean>
}

/** Blobs as files in `root`, which is made when missing. What an earlier process left half-written is cleared away. */
export async function createBlobStore(
  root: string,
  { random }: { readonly random: Random }
): Promise<DiskBlobStore> {
  const paths = blobPaths(root)
  await inFolder(paths, () => sweepLeftovers(paths))
  const partials = new PartialFiles(paths)
  const lists = new PieceLists(paths, random)
  return {
    size: (digest) => inFolder(paths, () => sizeOf(paths, digest)),
    read: (digest, range) => readBlob(paths, digest, range),
    readPart: (digest, part) => inFolder(paths, () => readPart(paths.blob(digest), part)),
    write: (source, options) => writeBlob(paths, { random, lists }, { source, ...options }),
    partial: (digest) => inFolder(paths, () => partials.open(digest)),
    list: () => listBlobs(paths),
    remove: (digest) => inFolder(paths, () => removeBlob(paths, digest)),
    pieceList: (digest) => inFolder(paths, () => lists.of(digest)),
    byPieces: (digest, plan) =>
      inFolder(paths, () => partials.openByPieces(digest, plan, (list) => lists.keep(digest, list))),
    verify: (digest) => inFolder(paths, () => verifyBlob(paths, digest))
  }
}

async function sizeOf(paths: BlobPaths, digest: Sha256): Promise<number | undefined> {
  try {
    return (await stat(paths.blob(digest))).size
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

async function removeBlob(paths: BlobPaths, digest: Sha256): Promise<void> {
  await removeFile(paths.blob(digest))
  await removeFile(paths.pieceList(digest))
}

async function* readBlob(
  paths: BlobPaths,
  digest: Sha256,
  range: BlobRange = {}
): AsyncGenerator<Uint8Array> {
  const file = await inFolder(paths, () => openBlob(paths, digest))
  try {
    const { size } = await file.stat()
    const end = Math.min(range.end ?? size, size)
    for (let at = range.start ?? 0; at < end;) {
      const chunk = await readChunk(file, {
        at,
        length: Math.min(BLOB_CHUNK_BYTES, end - at),
        buffers: range.buffers
      })
      if (chunk.byteLength === 0) {
        const reason = `${digest} ended at ${at} of ${end} bytes`
        throw new StorageError({ code: 'STORAGE_IO', folder: paths.root, reason })
      }
      at += chunk.byteLength
      yield chunk
    }
  } catch (error) {
    throw passOrTranslate(error, paths)
  } finally {
    await file.close()
  }
}

interface Chunk {
  readonly at: number
  readonly length: number
  readonly buffers: ReadBuffers | undefined
}

async function readChunk(file: FileHandle, { at, length, buffers }: Chunk): Promise<Uint8Array> {
  const target = buffers?.take() ?? Buffer.allocUnsafeSlow(length)
  const { bytesRead } = await file.read(target, 0, length, at)
  return target.subarray(0, bytesRead)
}

async function openBlob(paths: BlobPaths, digest: Sha256): Promise<FileHandle> {
  try {
    return await open(paths.blob(digest), 'r')
  } catch (error) {
    if (isNotFound(error)) throw new BlobError({ code: 'BLOB_MISSING', digest }, { cause: error })
    throw error
  }
}

type WriteRequest = BlobWriteOptions & { readonly source: AsyncIterable<Uint8Array> }
interface WriteParts {
  readonly random: Random
  readonly lists: PieceLists
}

async function writeBlob(
  paths: BlobPaths,
  { random, lists }: WriteParts,
  request: WriteRequest
): Promise<WrittenBlob> {
  const temporary = join(paths.temporary, Buffer.from(random.bytes(12)).toString('hex'))
  try {
    const file = await inFolder(paths, () => open(temporary, 'wx'))
    const { list, ...written } = await fill(file, paths, request)
    await inFolder(paths, () => moveDurably(temporary, paths.blob(written.digest)))
    const pieces = piecesOf(written.size, list)
    if (pieces === undefined) return written
    await inFolder(paths, () => lists.keep(written.digest, list))
    return { ...written, pieces }
  } catch (error) {
    await removeFile(temporary)
    throw error
  }
}

/** Closes the file in any case. What the source throws is the caller's own and passes as it is. */
async function fill(
  file: FileHandle,
  paths: BlobPaths,
  request: WriteRequest
): Promise<WrittenBlob & { readonly list: Uint8Array }> {
  const { source, expected, maxBytes = MAX_BLOB_BYTES } = request
  const hash = createHash('sha256')
  const hasher = new PieceHasher()
  let size = 0
  try {
    for await (const chunk of source) {
      size += chunk.byteLength
      if (size > maxBytes) throw new BlobError({ code: 'BLOB_TOO_LARGE', maxBytes })
      hash.update(chunk)
      hasher.update(chunk)
      await inFolder(paths, () => file.appendFile(chunk))
    }
    const digest = hash.digest('hex') as Sha256
    if (expected !== undefined && digest !== expected) {
      throw new BlobError({ code: 'BLOB_MISMATCH', digest: expected, actual: digest })
    }
    await inFolder(paths, () => file.sync())
    return { digest, size, list: hasher.list() }
  } finally {
    await file.close()
  }
}

/** What lies in the store, in order of the first four digits; only reads. */
export async function* listBlobs(paths: BlobPaths): AsyncGenerator<WrittenBlob> {
  try {
    for (const first of await fanOut(paths.root)) {
      for (const second of await fanOut(first)) {
        for (const name of await readdir(second)) {
          const size = isSha256(name) ? await sizeOf(paths, name) : undefined
          if (isSha256(name) && size !== undefined) yield { digest: name, size }
        }
      }
    }
  } catch (error) {
    throw passOrTranslate(error, paths)
  }
}

/** Folders named by two hex digits, in order. */
async function fanOut(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder)
  return names
    .filter((name) => /^[0-9a-f]{2}$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}

async function verifyBlob(paths: BlobPaths, digest: Sha256): Promise<boolean> {
  const hash = createHash('sha256')
  const buffers = new ReadBuffers({ bytes: BLOB_CHUNK_BYTES, maxKept: 1 })
  for await (const chunk of readBlob(paths, digest, { buffers })) {
    hash.update(chunk)
    buffers.give(chunk)
  }
  return hash.digest('hex') === digest
}

async function inFolder<T>(paths: BlobPaths, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw passOrTranslate(error, paths)
  }
}

/** What the system said gets our words: above all a full disk, which must be told from a broken one. */
function passOrTranslate(error: unknown, paths: BlobPaths): unknown {
  const fromSystem = error instanceof Error && 'syscall' in error
  return fromSystem ? toStorageError(error, paths.root) : error
}
