import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BlobError } from '../core/blob-error.ts'
import { messageOf } from '../core/errors.ts'
import { parseSha256, type MeshId, type Sha256 } from '../core/ids.ts'
import type { EntryStore, StoredEntry } from '../core/ports.ts'
import type { Entry } from '../core/record.ts'
import { createBlobStore, type DiskBlobStore } from '../storage/blob-store.ts'
import { createEntryStore } from '../storage/entry-store.ts'
import { syncFolder } from '../storage/files.ts'
import { blobFolder } from '../storage/keys.ts'
import { openDatabase } from '../storage/open-database.ts'
import { openEntry, isEntrySigned } from '../wire/envelope.ts'
import { createVerifier } from '../wire/keys.ts'
import { BACKUP, type BackupInfo } from './backup.ts'
import { unframeEntries } from './entry-frames.ts'
import { NodeError } from './node-error.ts'
import { systemRandom } from './system-clock.ts'
import { readTar, type TarMember } from './tar-file.ts'

export interface RestoreOptions {
  readonly file: string
  readonly dataDir: string
  readonly onProgress?: (line: string) => void
  readonly signal?: AbortSignal
}

export interface RestoreReport extends BackupInfo {
  readonly dataDir: string
  readonly entries: number
  readonly blobs: number
  /** Blobs whose bytes were broken before they were saved: left out. */
  readonly brokenBlobs: number
}

const MODE_OWNER_ONLY = 0o600
/** What is kept in memory whole: all but entries and blobs. */
const MAX_SMALL_BYTES = 256 * 1024 * 1024
const APPEND_ENTRIES = 500
/** Holds everything until all of it has been checked. */
const STAGING = 'restoring'

/**
 * Makes a data folder of a backup. Nothing of it is put in its place before every digest, every chain and every signature
 * has been checked; a folder that holds anything is refused. The node then writes under a new incarnation: what it wrote
 * after the backup was made is nobody's to write again.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const { dataDir, file } = options
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  if ((await readdir(dataDir)).length > 0) {
    const cure = 'name an empty one with --data DIR, or move what is in it away'
    throw new NodeError({ code: 'NODE_FOLDER_IN_USE', folder: dataDir, cure })
  }
  const staging = join(dataDir, STAGING)
  await mkdir(staging, { mode: 0o700 })
  try {
    const unpacked = await unpack(staging, options)
    const entries = await storeEntries(staging, unpacked, options)
    for (const name of await readdir(staging)) await rename(join(staging, name), join(dataDir, name))
    await rm(staging, { recursive: true })
    await syncFolder(dataDir)
    const { info, blobs, brokenBlobs } = unpacked
    return { ...info, dataDir, entries, blobs, brokenBlobs }
  } catch (error) {
    for (const name of await readdir(dataDir)) await rm(join(dataDir, name), { recursive: true, force: true })
    throw error instanceof RangeError || error instanceof SyntaxError ? broken(file, error) : error
  }
}

function broken(file: string, error: Error): NodeError {
  const cure = 'take another backup; nothing of this one was used'
  return new NodeError({ code: 'NODE_BACKUP_BROKEN', file, reason: messageOf(error), cure }, { cause: error })
}

interface Unpacked {
  readonly info: BackupInfo
  readonly segments: readonly string[]
  readonly blobs: number
  readonly brokenBlobs: number
}

/** Writes the members into `staging` and compares all digests at the end. */
async function unpack(staging: string, { file, signal, onProgress }: RestoreOptions): Promise<Unpacked> {
  const store = await createBlobStore(blobFolder(staging), { random: systemRandom })
  const sums = new Map<string, string>()
  const segments: string[] = []
  const small = new Map<string, Uint8Array>()
  let [blobs, brokenBlobs] = [0, 0]
  for await (const member of readTar(createReadStream(file))) {
    signal?.throwIfAborted()
    const summed = new SummedContent(member)
    if (member.name.startsWith(BACKUP.blobs)) {
      if (await keepBlob(store, member.name, summed)) blobs += 1
      else brokenBlobs += 1
      if (blobs % 500 === 0) onProgress?.(`files: ${blobs}`)
    } else if (member.name.startsWith(BACKUP.entries)) {
      segments.push(await keepSegment(staging, segments.length, summed))
    } else small.set(member.name, await keepSmall(staging, member, summed))
    sums.set(member.name, summed.digest())
  }
  checkSums(sums, small.get(BACKUP.sums))
  return { info: readInfo(small.get(BACKUP.info)), segments, blobs, brokenBlobs }
}

class SummedContent {
  readonly #hash = createHash('sha256')
  readonly #content: AsyncIterable<Uint8Array>

  constructor({ content }: TarMember) {
    this.#content = content
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#content) {
      this.#hash.update(chunk)
      yield chunk
    }
  }

  digest(): string {
    return this.#hash.digest('hex')
  }
}

/** false: its bytes were broken before they were saved. It comes back from the mesh. */
async function keepBlob(store: DiskBlobStore, name: string, content: SummedContent): Promise<boolean> {
  const expected: Sha256 = parseSha256(name.slice(BACKUP.blobs.length))
  try {
    await store.write(content.read(), { expected })
    return true
  } catch (error) {
    if (error instanceof BlobError && error.code === 'BLOB_MISMATCH') return false
    throw error
  }
}

async function keepSegment(staging: string, index: number, content: SummedContent): Promise<string> {
  const path = join(staging, `entries-${index}`)
  const file = await open(path, 'wx', MODE_OWNER_ONLY)
  try {
    for await (const chunk of content.read()) await file.appendFile(chunk)
  } finally {
    await file.close()
  }
  return path
}

async function keepSmall(
  staging: string,
  { name, size }: TarMember,
  content: SummedContent
): Promise<Uint8Array> {
  if (size > MAX_SMALL_BYTES) throw new RangeError(`${name} is too large`)
  const chunks: Uint8Array[] = []
  for await (const chunk of content.read()) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  // Only what we know by name becomes a file: a backup does not say where things go.
  if (name === BACKUP.key || name === BACKUP.mesh || name === BACKUP.config) {
    const file = await open(join(staging, name), 'wx', MODE_OWNER_ONLY)
    await file.writeFile(bytes)
    await file.sync()
    await file.close()
  }
  return bytes
}

function checkSums(sums: ReadonlyMap<string, string>, listed: Uint8Array | undefined): void {
  if (listed === undefined) throw new RangeError('it ends in the middle: its list of digests is missing')
  const lines = new TextDecoder().decode(listed).trimEnd().split('\n')
  const expected = new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]))
  for (const name of [BACKUP.info, BACKUP.key, BACKUP.mesh]) {
    if (!sums.has(name)) throw new RangeError(`${name} is missing`)
  }
  for (const [name, digest] of expected) {
    if (sums.get(name) !== digest) throw new RangeError(`${name} is not what was saved`)
  }
  if (sums.size !== expected.size + 1) throw new RangeError('it holds more than its list of digests')
}

function readInfo(bytes: Uint8Array | undefined): BackupInfo {
  const info = JSON.parse(new TextDecoder().decode(bytes)) as BackupInfo
  // The type says what this version writes, the file what another one wrote.
  const format: unknown = info.format
  if (format !== 1) throw new RangeError(`its format is ${String(format)}: restore it with a newer version`)
  return info
}

/** Makes the database, every feed checked from its first entry to the signature of its last. */
async function storeEntries(
  staging: string,
  { info, segments }: Unpacked,
  { onProgress }: RestoreOptions
): Promise<number> {
  const database = await openDatabase(staging)
  try {
    const feeds = new FeedWriter(await createEntryStore(database), info.meshId as MeshId)
    let entries = 0
    for await (const bytes of unframeEntries(contentsOf(segments))) {
      await feeds.add(bytes)
      entries += 1
      if (entries % 20_000 === 0) onProgress?.(`records: ${entries} entries`)
    }
    await feeds.end()
    return entries
  } finally {
    await database.close()
  }
}

async function* contentsOf(paths: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) {
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
      yield chunk as Uint8Array
    await rm(path)
  }
}

class FeedWriter {
  readonly #store: EntryStore
  readonly #meshId: MeshId
  readonly #verifier = createVerifier()
  #last: { readonly entry: Entry; readonly bytes: Uint8Array } | undefined
  #waiting: StoredEntry[] = []

  constructor(store: EntryStore, meshId: MeshId) {
    this.#store = store
    this.#meshId = meshId
  }

  async add(received: Uint8Array): Promise<void> {
    const bytes = Uint8Array.from(received)
    const entry = openEntry(bytes)
    if (entry.meshId !== this.#meshId) throw new RangeError('it holds an entry of another mesh')
    const last = this.#last?.entry
    const goesOn = last?.node === entry.node && last.incarnation === entry.incarnation
    if (!goesOn) this.#checkEnd()
    if (entry.seq !== (goesOn ? last.seq : 0) + 1 || entry.prev !== (goesOn ? last.hash : '')) {
      throw new RangeError(`feed ${entry.node}/${entry.incarnation} is no chain at ${entry.seq}`)
    }
    this.#last = { entry, bytes }
    const { node, incarnation, seq, hash } = entry
    this.#waiting.push({ node, incarnation, seq, hash, bytes })
    if (this.#waiting.length >= APPEND_ENTRIES) await this.#flush(false)
  }

  async end(): Promise<void> {
    this.#checkEnd()
    await this.#flush(true)
  }

  /** The signature of the last entry vouches for all before it. */
  #checkEnd(): void {
    if (this.#last === undefined) return
    const { entry, bytes } = this.#last
    if (!isEntrySigned(this.#verifier, entry, bytes)) {
      throw new RangeError(`feed ${entry.node}/${entry.incarnation} is not signed by its author`)
    }
  }

  async #flush(sync: boolean): Promise<void> {
    if (this.#waiting.length > 0) await this.#store.append(this.#waiting, { sync })
    this.#waiting = []
  }
}
