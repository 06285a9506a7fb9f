import { stat } from 'node:fs/promises'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import type { EntryStore, Log } from '../core/ports.ts'
import type { VerifyEvent, VerifyReportView } from '../http/verify-types.ts'
import { BadBlobs } from '../storage/bad-blobs.ts'
import { createBlobStore } from '../storage/blob-store.ts'
import { checkDatabaseFiles } from '../storage/check-database-files.ts'
import { markDamaged } from '../storage/damage-mark.ts'
import { isDamage } from '../storage/database-health.ts'
import { createEntryStore } from '../storage/entry-store.ts'
import { blobFolder, databaseFolder } from '../storage/keys.ts'
import { openDatabase, type Database } from '../storage/open-database.ts'
import { createEntryCodec } from '../wire/entry-codec.ts'
import { createSigner, createVerifier } from '../wire/keys.ts'
import { frameEntries } from './entry-frames.ts'
import { loadIdentity } from './identity.ts'
import { loadMembership } from './mesh-files.ts'
import { NodeError } from './node-error.ts'
import { openStorage } from './open-storage.ts'
import { systemRandom } from './system-clock.ts'
import { verifyBlobs, verifyFeeds, verifyTables, type VerifyParts } from './verify-data.ts'

/** What commands do with a data folder whose node does not run. Each throws STORAGE_LOCKED when it does after all. */
interface Folder {
  readonly dataDir: string
  readonly self: NodeId
  readonly codec: ReturnType<typeof createEntryCodec>
}

async function folderOf(dataDir: string): Promise<Folder> {
  const membership = await loadMembership(dataDir)
  if (membership === undefined) {
    throw new NodeError({ code: 'NODE_NO_NODE', folder: dataDir, cure: 'name its folder with --data DIR' })
  }
  const signer = createSigner(await loadIdentity(dataDir, systemRandom))
  const codec = createEntryCodec(membership.genesis.meshId, signer, createVerifier())
  return { dataDir, self: signer.nodeId, codec }
}

/** Envelopes of the own feeds or of all, as frames. */
export async function* offlineEntries(dataDir: string, all: boolean): AsyncGenerator<Uint8Array> {
  const { self } = await folderOf(dataDir)
  if (!(await exists(databaseFolder(dataDir)))) return
  const database = await openDatabase(dataDir)
  try {
    const store = await createEntryStore(database)
    const heads = (await store.heads()).filter(({ node }) => all || node === self)
    yield* frameEntries(heads, (feed, fromSeq, toSeq) => store.range(feed, fromSeq, toSeq))
  } finally {
    await database.close()
  }
}

export interface OfflineVerify {
  readonly dataDir: string
  readonly repair: boolean
  readonly log: Log
  readonly onProgress: (event: VerifyEvent & { readonly kind: 'progress' }) => void
  readonly signal: AbortSignal
}

/** The whole store against its digests, at the full speed of the disk. */
export async function verifyOffline(options: OfflineVerify): Promise<VerifyReportView> {
  const folder = await folderOf(options.dataDir)
  const ledger = await verifyLedger(folder, options)
  const store = await createBlobStore(blobFolder(options.dataDir), { random: systemRandom })
  const bad = new BadBlobs(blobFolder(options.dataDir))
  const blobs = await verifyBlobs(
    partsOf(folder, options, {
      store,
      async onBadBlob(digest) {
        if (!options.repair) return 'kept'
        await bad.setAside(digest)
        return 'moved-away'
      }
    })
  )
  const isBroken = ledger.tables.bad.length + ledger.feeds.bad.length > 0
  return {
    ok: !isBroken && blobs.bad.length === 0,
    ...ledger,
    blobs,
    ...(isBroken && options.repair ? { ledger: await repairNow(folder, options.log) } : {})
  }
}

type LedgerReport = Pick<VerifyReportView, 'tables' | 'feeds'>
const NOTHING: LedgerReport = { tables: { checked: 0, bad: [] }, feeds: { checked: 0, entries: 0, bad: [] } }

async function verifyLedger(folder: Folder, options: OfflineVerify): Promise<LedgerReport> {
  if (!(await exists(databaseFolder(folder.dataDir)))) return NOTHING
  const files = await checkDatabaseFiles(folder.dataDir)
  // LevelDB throws away what a broken manifest does not name: it must not see it before the repair.
  if (files.length > 0) return { ...NOTHING, tables: { checked: 0, bad: files } }
  let database: Database | undefined
  try {
    database = await openDatabase(folder.dataDir)
    const entries = await createEntryStore(database)
    const parts = partsOf(folder, options, { entries })
    return { tables: await verifyTables(parts), feeds: await verifyFeeds(parts) }
  } catch (error) {
    if (!isDamage(error)) throw error
    return { ...NOTHING, tables: { checked: 0, bad: [{ file: 'ledger', problem: messageOf(error) }] } }
  } finally {
    await database?.close()
  }
}

async function repairNow({ dataDir, self, codec }: Folder, log: Log): Promise<'repaired'> {
  await markDamaged(dataDir, 'commonwheel verify --repair found it broken')
  const { database } = await openStorage(dataDir, { self, codec, log })
  await database.close()
  return 'repaired'
}

async function* nothing(): AsyncGenerator<never> {
  // What is not asked about.
}

const NO_BLOBS: VerifyParts['store'] = {
  list: nothing,
  size: async () => undefined,
  verify: async () => true
}

function partsOf(
  { dataDir, codec }: Folder,
  { signal, onProgress }: OfflineVerify,
  over: Partial<VerifyParts> & { readonly entries?: EntryStore }
): VerifyParts {
  return {
    dataDir,
    codec,
    store: over.store ?? NO_BLOBS,
    heads: async () => (await over.entries?.heads()) ?? [],
    range: (feed, fromSeq, toSeq) => over.entries?.range(feed, fromSeq, toSeq) ?? nothing(),
    pace: async () => {
      signal.throwIfAborted()
    },
    onProgress: (progress) => {
      onProgress({ kind: 'progress', progress })
    },
    onBadBlob: over.onBadBlob ?? (async () => 'kept')
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  )
}
