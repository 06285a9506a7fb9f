import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { listBlobs } from '../storage/blob-store.ts'
import { blobPaths } from '../storage/blob-paths.ts'
import { isNotFound, syncFolder } from '../storage/files.ts'
import { blobFolder } from '../storage/keys.ts'
import { createSigner } from '../wire/keys.ts'
import { loadIdentity } from './identity.ts'
import { encodeMembership, loadMembership, type MeshMembership } from './mesh-files.ts'
import { NodeError } from './node-error.ts'
import { systemClock, systemRandom } from './system-clock.ts'
import { tarEnd, tarHeader, tarPadding } from './tar-file.ts'

/** What a backup says of itself, in its first member. */
export interface BackupInfo {
  readonly format: 1
  readonly node: string
  readonly mesh: string
  readonly meshId: string
  readonly createdMs: number
  /** With the feeds of all nodes and the blobs; otherwise the own feeds alone. */
  readonly all: boolean
}

export const BACKUP = {
  info: 'commonwheel-backup.json',
  key: 'node.key',
  mesh: 'mesh.cbor',
  config: 'config.json',
  /** `entries/000001`, …: see entry-frames.ts. */
  entries: 'entries/',
  blobs: 'blobs/',
  /** Digests of all members before it, as `sha256sum -c` reads them. Last, so that a cut file is known. */
  sums: 'SHA256SUMS'
} as const

export interface BackupOptions {
  readonly dataDir: string
  readonly file: string
  readonly all: boolean
  /** Replace a file that is there. */
  readonly force: boolean
  /** Envelopes as frames, from the process that has the database open. */
  readonly entries: AsyncIterable<Uint8Array>
  /** Multiaddrs of members that are known now, for a node that comes back on a new card. */
  readonly members: readonly string[]
  readonly onProgress?: (line: string) => void
  readonly signal?: AbortSignal
}

export interface BackupReport extends BackupInfo {
  readonly file: string
  readonly bytes: number
  readonly blobs: number
}

const MODE_OWNER_ONLY = 0o600
const SEGMENT_BYTES = 16 * 1024 * 1024
const MAX_SPONSORS = 16
const PROGRESS_BLOBS = 500

/** Writes key, membership, feeds, and with `all` the blobs into one file of mode 0600, which appears when it is complete. */
export async function writeBackup(options: BackupOptions): Promise<BackupReport> {
  const { dataDir, file, all, force } = options
  const membership = await loadMembership(dataDir)
  if (membership === undefined) {
    throw new NodeError({ code: 'NODE_NO_NODE', folder: dataDir, cure: 'name its folder with --data DIR' })
  }
  if (!force && (await exists(file))) {
    throw new NodeError({ code: 'NODE_FILE_EXISTS', file, cure: 'name another file, or give --force' })
  }
  const seed = await loadIdentity(dataDir, systemRandom)
  const { genesis, meshId } = membership.genesis
  const info: BackupInfo = {
    format: 1,
    node: createSigner(seed).nodeId,
    mesh: genesis.name,
    meshId,
    createdMs: systemClock.wallMs(),
    all
  }
  const draft = `${file}.new`
  await rm(draft, { force: true })
  const handle = await open(draft, 'wx', MODE_OWNER_ONLY)
  try {
    const writer = new BackupWriter(handle, info.createdMs)
    const blobs = await fill(writer, info, { ...options, membership })
    await handle.sync()
    await handle.close()
    await rename(draft, file)
    await syncFolder(dirname(file))
    return { ...info, file, bytes: writer.bytes, blobs }
  } catch (error) {
    await handle.close().catch(() => undefined)
    await rm(draft, { force: true })
    throw error
  }
}

type FillOptions = BackupOptions & { readonly membership: MeshMembership }

async function fill(writer: BackupWriter, info: BackupInfo, options: FillOptions): Promise<number> {
  const { dataDir, membership, members, entries, signal } = options
  await writer.add(BACKUP.info, Buffer.from(`${JSON.stringify(info, undefined, 2)}\n`))
  await writer.add(BACKUP.key, await readFile(join(dataDir, 'node.key')))
  const sponsors = [...new Set([...membership.sponsors, ...members])].slice(0, MAX_SPONSORS)
  await writer.add(BACKUP.mesh, encodeMembership({ ...membership, sponsors }))
  const config = await readFile(join(dataDir, 'config.json')).catch(() => undefined)
  if (config !== undefined) await writer.add(BACKUP.config, config)
  let segment = 0
  for await (const bytes of segments(entries)) {
    signal?.throwIfAborted()
    segment += 1
    await writer.add(`${BACKUP.entries}${String(segment).padStart(6, '0')}`, bytes)
    options.onProgress?.(`records: ${Math.round(writer.bytes / 1024 ** 2)} MiB`)
  }
  const blobs = options.all ? await addBlobs(writer, options) : 0
  await writer.end()
  return blobs
}

/** Files of the store stay as they are once they are there, so they are read beside a node that runs. */
async function addBlobs(writer: BackupWriter, { dataDir, onProgress, signal }: FillOptions): Promise<number> {
  const paths = blobPaths(blobFolder(dataDir))
  let blobs = 0
  if (!(await exists(paths.root))) return 0
  for await (const { digest } of listBlobs(paths)) {
    signal?.throwIfAborted()
    const added = await writer.addFile(`${BACKUP.blobs}${digest}`, paths.blob(digest))
    blobs += added ? 1 : 0
    if (blobs % PROGRESS_BLOBS === 0) onProgress?.(`files: ${blobs}`)
  }
  return blobs
}

/** Pieces of at most some MiB: the size of a member has to be known before its bytes. */
async function* segments(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let gathered: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    gathered.push(chunk)
    size += chunk.byteLength
    if (size < SEGMENT_BYTES) continue
    yield Buffer.concat(gathered)
    gathered = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(gathered)
}

class BackupWriter {
  readonly #file: FileHandle
  readonly #createdMs: number
  readonly #sums: string[] = []
  bytes = 0

  constructor(file: FileHandle, createdMs: number) {
    this.#file = file
    this.#createdMs = createdMs
  }

  async add(name: string, content: Uint8Array): Promise<void> {
    this.#sums.push(`${createHash('sha256').update(content).digest('hex')}  ${name}\n`)
    await this.#write(tarHeader(name, content.byteLength, this.#createdMs))
    await this.#write(content)
    await this.#write(tarPadding(content.byteLength))
  }

  /** false: it is gone by now. */
  async addFile(name: string, path: string): Promise<boolean> {
    const handle = await open(path, 'r').catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
    if (handle === undefined) return false
    const { size } = await handle.stat()
    const hash = createHash('sha256')
    await this.#write(tarHeader(name, size, this.#createdMs))
    let written = 0
    for await (const chunk of createReadStream('', { fd: handle, end: Math.max(0, size - 1) })) {
      const bytes = chunk as Uint8Array
      hash.update(bytes)
      written += bytes.byteLength
      await this.#write(bytes)
    }
    if (written !== size) throw new RangeError(`${path} has changed while it was read`)
    await this.#write(tarPadding(size))
    this.#sums.push(`${hash.digest('hex')}  ${name}\n`)
    return true
  }

  async end(): Promise<void> {
    await this.add(BACKUP.sums, Buffer.from(this.#sums.join('')))
    await this.#write(tarEnd())
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.byteLength === 0) return
    await this.#file.appendFile(bytes)
    this.bytes += bytes.byteLength
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  )
}
