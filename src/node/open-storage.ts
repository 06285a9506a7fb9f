import { rename, rm } from 'node:fs/promises'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import type { EntryStore, FeedHead, Log, StoredEntry } from '../core/ports.ts'
import type { Entry } from '../core/record.ts'
import {
  checkDatabaseFiles,
  checkTables,
  tableBytes,
  type FileFinding
} from '../storage/check-database-files.ts'
import { clearDamageMark, readDamageMark } from '../storage/damage-mark.ts'
import { isDamage } from '../storage/database-health.ts'
import { createEntryStore } from '../storage/entry-store.ts'
import { removeFile } from '../storage/files.ts'
import { databaseFolder, madeMarker } from '../storage/keys.ts'
import { openDatabase, type Database } from '../storage/open-database.ts'
import { rebuildDatabase, repairDatabase, type RepairReport } from '../storage/repair-database.ts'
import { isSalvageOpen } from '../storage/salvage.ts'
import type { RepairOptions } from '../storage/mend-feeds.ts'
import { readTideMark, tideOf, writeTideMark } from '../storage/tide-mark.ts'

/** Tables up to this size cost a Pi about a second to read against their checksums. */
const READ_WHOLE_BYTES = 32 * 1024 * 1024

/** Where the database remembers under which incarnation this node writes: see own-feed.ts. */
const INCARNATION_KEY = 'incarnation'

export interface StorageParts {
  readonly self: NodeId
  readonly log: Log
  readonly codec: {
    open(bytes: Uint8Array): Entry
    isSigned(entry: Entry, bytes: Uint8Array): boolean
  }
}

/** What the start found wrong with the database and did about it. */
export interface StorageRepair {
  /** What was found, in words. */
  readonly found: readonly string[]
  /** `repaired`: from what was there; `begun-anew`: nothing of it could be used; `none`: whole in itself, and older than it was. */
  readonly done: 'repaired' | 'begun-anew' | 'none'
  readonly feedsShortened: number
  /** Entries that were there once, by all that is known; the peers give them back. */
  readonly missing: number
  /** Own entries behind a hole of their feed; their records are written again. */
  readonly orphans: number
  /** Own entries may be among them: the node writes under a new incarnation. */
  readonly ownLost: boolean
}

export interface OpenedStorage {
  readonly database: Database
  readonly entries: EntryStore
  readonly repair: StorageRepair | undefined
}

/**
 * Opens the database of a data folder after a look at it, and repairs by itself what is broken: what is lost by that comes
 * back from the peers. Errors that are not about broken files (another process, a full disk) are thrown.
 */
export async function openStorage(dataDir: string, parts: StorageParts): Promise<OpenedStorage> {
  const marked = await readDamageMark(dataDir)
  const files = [
    ...(marked === undefined ? [] : [marked]),
    ...(await lookAtFiles(dataDir)).map(({ file, problem }) => `${file}: ${problem}`)
  ]
  const opened = files.length === 0 ? await openWhole(dataDir) : { found: files }
  const storage = 'found' in opened ? await openRepaired(dataDir, opened.found, parts) : opened
  const heads = await storage.entries.heads()
  const repair = await judgeLoss(dataDir, { heads, self: parts.self, before: storage.repair })
  if (repair !== undefined) await settle(storage.database, repair, parts)
  await writeTideMark(dataDir, parts.self, tideOf(heads, parts.self, false))
  if (marked !== undefined) await clearDamageMark(dataDir)
  return { ...storage, repair }
}

/** What is small is read whole before it is opened; of larger ones the running node reads the tables soon after (scrub.ts). */
async function lookAtFiles(dataDir: string): Promise<readonly FileFinding[]> {
  const interrupted = (await isSalvageOpen(dataDir))
    ? [{ file: 'ledger.salvage', problem: 'a repair was interrupted' }]
    : []
  const findings = [...interrupted, ...(await checkDatabaseFiles(dataDir))]
  if (findings.length > 0 || (await tableBytes(dataDir)) > READ_WHOLE_BYTES) return findings
  return (await checkTables(dataDir, { onBytes: async () => undefined })).findings
}

type Whole = Pick<OpenedStorage, 'database' | 'entries'>
type Damaged = { readonly found: readonly string[] }
type Before = Omit<StorageRepair, 'ownLost'> | undefined

async function openWhole(dataDir: string): Promise<(Whole & { readonly repair: undefined }) | Damaged> {
  try {
    return { ...(await openBoth(dataDir)), repair: undefined }
  } catch (error) {
    if (!isDamage(error)) throw error
    return { found: [messageOf(error)] }
  }
}

async function openBoth(dataDir: string): Promise<Whole> {
  const database = await openDatabase(dataDir)
  try {
    return { database, entries: await createEntryStore(database) }
  } catch (error) {
    await database.close()
    throw error
  }
}

async function openRepaired(
  dataDir: string,
  found: readonly string[],
  parts: StorageParts
): Promise<Whole & { readonly repair: Before }> {
  const { log } = parts
  log.warn('the database is damaged; it is repaired now, which may take minutes', { found })
  try {
    const report = await repairDatabase(dataDir, soundness(parts))
    return { ...(await openBoth(dataDir)), repair: { ...factsOf(report), found, done: 'repaired' } }
  } catch (error) {
    if (!isDamage(error)) throw error
    log.error('the database cannot be repaired: a new one is made of what can be read of it', {
      error: messageOf(error)
    })
    const broken = await moveAway(dataDir)
    const report = await rebuildDatabase(dataDir, broken, soundness(parts))
    const done = report.entries > 0 ? 'repaired' : 'begun-anew'
    return { ...(await openBoth(dataDir)), repair: { ...factsOf(report), found, done } }
  }
}

function factsOf({ shortened, missing, orphans }: RepairReport): {
  feedsShortened: number
  missing: number
  orphans: number
} {
  return { feedsShortened: shortened.length, missing, orphans }
}

/** Whether entries are what their authors wrote, for a repair to keep or to drop them. */
function soundness({ self, codec, log }: StorageParts): RepairOptions {
  return {
    self,
    follows(stored, prev) {
      const entry = opened(stored)
      const { node, incarnation, seq } = stored
      return (
        entry?.node === node && entry.incarnation === incarnation && entry.seq === seq && entry.prev === prev
      )
    },
    isSigned(stored) {
      const entry = opened(stored)
      return entry !== undefined && codec.isSigned(entry, stored.bytes)
    },
    onProgress(entries) {
      log.info('repairing the database', { entries })
    }
  }

  function opened({ bytes }: StoredEntry): Entry | undefined {
    try {
      return codec.open(bytes)
    } catch {
      return undefined
    }
  }
}

/** Kept for people, one generation: whatever it held comes back from the mesh, if the mesh has it. */
async function moveAway(dataDir: string): Promise<string> {
  const folder = databaseFolder(dataDir)
  const broken = `${folder}.broken`
  await rm(broken, { recursive: true, force: true })
  await rename(folder, broken)
  await removeFile(madeMarker(dataDir))
  return broken
}

interface LossFacts {
  readonly heads: readonly FeedHead[]
  readonly self: NodeId
  readonly before: Before
}

/** Compares with the mark beside the database what is there: the one way to see a log that lost its end. */
async function judgeLoss(
  dataDir: string,
  { heads, self, before }: LossFacts
): Promise<StorageRepair | undefined> {
  const now = tideOf(heads, self, false)
  const mark = await readTideMark(dataDir, self)
  const behind = mark === undefined ? 0 : Math.max(0, mark.entries - now.entries)
  const ownBehind = mark !== undefined && mark.own > now.own
  if (before !== undefined) {
    // After damage only a mark of the very end says that nothing of the own feed is gone.
    const ownLost = ownBehind || mark?.final !== true
    // What was kept is not missing.
    const missing = Math.max(0, Math.max(before.missing, behind) - before.orphans)
    return { ...before, missing, ownLost }
  }
  if (behind === 0 && !ownBehind) return undefined
  const found = ['it holds less than it did when the node last looked']
  return { found, done: 'none', feedsShortened: 0, missing: behind, orphans: 0, ownLost: ownBehind }
}

/** An own entry that is lost may be known to others: the node must not write another one in its place. */
async function settle(database: Database, repair: StorageRepair, { log }: StorageParts): Promise<void> {
  if (repair.ownLost) await database.state.del(INCARNATION_KEY, SYNC)
  log.warn('the database was damaged', { ...repair })
}

/** LevelDB's own option, which the common interface of all levels does not name. */
const SYNC: object = { sync: true }
