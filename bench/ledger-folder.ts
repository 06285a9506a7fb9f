/* The data folders of ledger.bench.ts: a mesh of 20 builders, written through the ledger as sync would. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../src/core/digest.ts'
import { normalizeName } from '../src/core/distribution.ts'
import type { ProjectName, TargetId } from '../src/core/ids.ts'
import { jobId } from '../src/core/job.ts'
import { MAX_ENTRY_RECORDS } from '../src/core/limits.ts'
import type { Signer, StoredEntry } from '../src/core/ports.ts'
import type { MeshRecord, ResultRecord } from '../src/core/record.ts'
import { createLedger, type Ledger } from '../src/ledger/ledger.ts'
import { createMeshState } from '../src/ledger/mesh-state.ts'
import { settledOwnFeed } from '../src/ledger/own-feed.ts'
import { saveMembership } from '../src/node/mesh-files.ts'
import { createBlobStore, type DiskBlobStore } from '../src/storage/blob-store.ts'
import { createEntryStore } from '../src/storage/entry-store.ts'
import { blobFolder } from '../src/storage/keys.ts'
import { openDatabase, type Database } from '../src/storage/open-database.ts'
import { createRowStore } from '../src/storage/row-store.ts'
import { createIndexClient } from '../src/upstream/index-client.ts'
import { createEntryCodec } from '../src/wire/entry-codec.ts'
import { sealEntry } from '../src/wire/envelope.ts'
import { sealGenesis } from '../src/wire/genesis.ts'
import { createVerifier } from '../src/wire/keys.ts'
import { seedOf, signerOf } from '../test/support/fixture-keys.ts'
import { aGenesis, aResult, aWant } from '../test/support/make-record.ts'
import { silentLog } from '../test/support/test-ports.ts'
import { realClock } from '../test/support/real-clock.ts'

const FEEDS = 20
const VERSIONS = 10
const TARGETS = [
  'cp39-linux_armv7l-glibc2.31',
  'cp311-linux_armv7l-glibc2.36',
  'cp311-linux_aarch64-glibc2.36',
  'cp313-linux_armv7l-glibc2.41',
  'cp313-linux_aarch64-glibc2.41'
] as string[] as TargetId[]
/** Of the first project. */
export const RESULTS_OF_PAGE = VERSIONS * TARGETS.length
/** Entries of one range, as sync brings them. */
const RANGE_ENTRIES = 20
/** Made once: the key of its coordinator takes a millisecond. */
const A_RESULT = aResult()
const GENESIS_MS = 1_700_000_000_000

const SELF = signerOf('bench self')
const BUILDERS: readonly Signer[] = Array.from({ length: FEEDS }, (_, feed) => signerOf(`builder ${feed}`))
const FOUNDED = sealGenesis(
  aGenesis({ roots: [SELF.nodeId, ...BUILDERS.map(({ nodeId }) => nodeId)], nonce: 'bench' })
)

export interface FolderPlan {
  readonly dataDir: string
  readonly results: number
  /** Projects with a page, from the first on. */
  readonly pages: number
  /** How many of those have a want, too; absent: all. */
  readonly wanted?: number
  readonly upstream: string
  /** Results of a builder beside those, which are of made-up projects. */
  readonly more?: readonly ResultRecord[]
  /** Bytes of the wheel of a cell, which are then stored; absent: no wheel has any. */
  wheelOf?(cell: number): Uint8Array | undefined
}

export interface MadeFolder {
  /** Results a second that the ledger took, with signatures, chain and views. */
  readonly takenPerSecond: number
  readonly entries: number
}

export function projectName(index: number): ProjectName {
  return normalizeName(`bench-project-${index}`)
}

/** Upstream's page of a project: an sdist for each version. */
export function pageOf(name: string): object {
  const files = Array.from({ length: VERSIONS }, (_, minor) => {
    const filename = `${name}-1.${minor}.tar.gz`
    return {
      filename,
      url: `http://127.0.0.1/${filename}`,
      hashes: { sha256: sha256Hex(filename) },
      size: 100_000,
      'upload-time': '2023-11-14T22:13:20Z'
    }
  })
  return { meta: { 'api-version': '1.1', '_last-serial': 7 }, name, files, versions: [] }
}

/** A root's data folder with that many results in it, and all that a node needs to start on it. */
export async function makeFolder(plan: FolderPlan): Promise<MadeFolder> {
  const { dataDir } = plan
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeFile(join(dataDir, 'node.key'), `${Buffer.from(seedOf('bench self')).toString('hex')}\n`, {
    mode: 0o600
  })
  await saveMembership(dataDir, { genesis: FOUNDED, sponsors: [] })
  const database = await openDatabase(dataDir)
  const ledger = await openLedger(database)
  const blobs = await createBlobStore(blobFolder(dataDir), {
    random: { float: () => 0.5, bytes: randomBytes }
  })
  await fill(ledger, BUILDERS[0]!, 'b', [...(await observations(plan, blobs)), ...(plan.more ?? [])])
  let spentMs = 0
  for (let cell = 0; cell < plan.results; cell++) {
    const wheel = plan.wheelOf?.(cell)
    if (wheel !== undefined) await blobs.write(once(wheel))
  }
  for (const [feed, builder] of BUILDERS.entries()) {
    spentMs += await fill(ledger, builder, 'a', resultsOf(feed, plan))
    if (process.stderr.isTTY || plan.results > 50_000)
      process.stderr.write(`  feed ${feed + 1} of ${FEEDS} is written\n`)
  }
  const entries = ledger.entryCount()
  await ledger.stop()
  await database.close()
  return { takenPerSecond: (plan.results * 1_000) / spentMs, entries }
}

async function openLedger(database: Database): Promise<Ledger> {
  const codec = createEntryCodec(FOUNDED.meshId, SELF, createVerifier())
  const stored = { rows: createRowStore(database), codec, clock: realClock, log: silentLog }
  const state = createMeshState(FOUNDED.genesis, codec, undefined, stored)
  const ledger = createLedger(
    {
      codec,
      clock: realClock,
      log: silentLog,
      bus: { publish: async () => 0 },
      ownFeed: settledOwnFeed('c'.repeat(16)),
      store: await createEntryStore(database),
      views: state.views,
      wasAdmitted: (node) => state.membership.wasAdmitted(node)
    },
    { meshId: FOUNDED.meshId, self: SELF.nodeId }
  )
  ledger.onEntry((entry) => void state.apply(entry))
  await ledger.load()
  return ledger
}

/** Writes a feed; returns the milliseconds that the ledger took for it, without the signing. */
async function fill(
  ledger: Ledger,
  author: Signer,
  life: string,
  records: Iterable<MeshRecord>
): Promise<number> {
  const incarnation = life.repeat(16)
  let [spentMs, seq, prev] = [0, 0, '' as StoredEntry['hash'] | '']
  let range: Uint8Array[] = []
  let open: MeshRecord[] = []
  const seal = (): void => {
    const sealed = sealEntry(author, { meshId: FOUNDED.meshId, incarnation, seq: ++seq, prev, records: open })
    prev = sealed.hash
    range.push(sealed.bytes)
    open = []
  }
  const send = async (): Promise<void> => {
    const began = performance.now()
    const { kind } = await ledger.admitRange(range)
    spentMs += performance.now() - began
    if (kind !== 'accepted' && range.length > 0) throw new Error(`the ledger says ${kind}`)
    range = []
  }
  for (const record of records) {
    open.push(record)
    if (open.length >= MAX_ENTRY_RECORDS) seal()
    if (range.length >= RANGE_ENTRIES) await send()
  }
  if (open.length > 0) seal()
  await send()
  return spentMs
}

/** Every 20th cell of every release of every project, in the order of time. */
function* resultsOf(feed: number, plan: FolderPlan): Iterable<ResultRecord> {
  for (let cell = feed; cell < plan.results; cell += FEEDS) {
    const target = TARGETS[cell % TARGETS.length]!
    const release = Math.floor(cell / TARGETS.length)
    const name = projectName(Math.floor(release / VERSIONS))
    yield resultOf(name, `1.${release % VERSIONS}`, { target, cell, wheel: plan.wheelOf?.(cell) })
  }
}

function resultOf(
  name: ProjectName,
  version: string,
  { target, cell, wheel: bytes }: { target: TargetId; cell: number; wheel: Uint8Array | undefined }
): ResultRecord {
  const { wheel, ...base } = A_RESULT
  const filename = `${name.replaceAll('-', '_')}-${version}-${target.split('-')[0]!}-${target.split('-')[0]!}-${target.split('-')[1]!}.whl`
  const sdist = {
    filename: `${name}-${version}.tar.gz`,
    sha256: sha256Hex(`${name}-${version}.tar.gz`),
    size: 100_000
  }
  const digest = sha256Hex(bytes ?? `wheel ${cell}`)
  const common = {
    ...base,
    sdist,
    job: jobId(name, version, target),
    log: { sha256: sha256Hex(`log ${cell}`), size: 20_000 },
    startedMs: GENESIS_MS + cell * 1_000,
    environment: {
      ...base.environment,
      requirements: ['setuptools==80.9.0', 'wheel==0.45.1', 'cython==3.1.2']
    }
  }
  if (cell % 20 === 7)
    return {
      ...common,
      failure: {
        class: 'package',
        cause: 'compile-error',
        reason: 'error: command gcc failed with exit code 1'
      }
    }
  const made = {
    ...wheel!,
    filename,
    sha256: digest,
    size: bytes?.byteLength ?? 1_000_000,
    metadata: sha256Hex(`metadata ${cell}`),
    aptPackages: ['libc6', 'libstdc++6'],
    glibcFloor: '2.17'
  }
  return { ...common, wheel: made }
}

/** What the mesh builds for, and pages with the wants of their projects, observed as the node itself would. */
async function observations(
  { pages, wanted = pages, upstream }: FolderPlan,
  blobs: DiskBlobStore
): Promise<readonly MeshRecord[]> {
  const client = createIndexClient({ indexUrl: upstream, userAgent: 'bench' })
  const names = Array.from({ length: pages }, (_, index) => projectName(index))
  const observed: MeshRecord[] = []
  for (const project of names) {
    const answer = await client.project(project)
    if (answer.kind !== 'page') throw new Error(`no page of ${project}`)
    const { body, serial } = answer.page
    const { digest, size } = await blobs.write(once(body))
    observed.push({ kind: 'observed', project, serial, page: digest, pageSize: size, observedMs: Date.now() })
  }
  const wants: MeshRecord[] = []
  for (let at = 0; at < wanted; at += 100)
    wants.push(
      aWant({
        specs: names.slice(at, Math.min(at + 100, wanted)).map((project) => ({ project, specifier: '>=0' }))
      })
    )
  return [builderRecord(), ...observed, ...wants]
}

function builderRecord(): MeshRecord {
  const hardware = { arch: 'armv7l', cores: 4, memoryBytes: 2 ** 30, model: '' }
  const said = { saidMs: 1, label: 'builder', contact: '', software: 'bench', addresses: [] }
  return { kind: 'node', ...said, roles: ['build'], targets: TARGETS, hardware }
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}
