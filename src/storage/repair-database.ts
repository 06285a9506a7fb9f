import { Level } from 'level'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sha256 } from '../core/ids.ts'
import type { FeedHead, StoredEntry } from '../core/ports.ts'
import { sha256Hex } from '../core/digest.ts'
import { feedEnds } from './check-heads.ts'
import {
  databaseFolder,
  decodeHead,
  encodeHead,
  entryKey,
  feedEnd,
  feedKey,
  madeMarker,
  parseEntryKey
} from './keys.ts'
import { checkTables, cutLogs } from './check-database-files.ts'
import { removeFile } from './files.ts'
import { repairApart } from './repair-apart.ts'
import { openDatabase, useDatabase, type Database } from './open-database.ts'
import { toStorageError } from './storage-error.ts'

/** What is left after a repair; what a feed lost comes back from the peers. */
export interface RepairReport {
  readonly entries: number
  /** Feeds with a hole: kept up to it, the rest dropped. */
  readonly shortened: readonly ShortFeed[]
  /** Entries that the heads knew of and that are not there any more; those of feeds that are gone whole, head and all, are not counted. */
  readonly missing: number
}

export interface ShortFeed {
  readonly feed: string
  /** The last entry that is left; 0: none. */
  readonly seq: number
  readonly dropped: number
}

export interface RepairOptions {
  /** Whether an entry is what belongs in its place, behind an entry with the hash `prev` (empty for the first one). */
  readonly follows?: (entry: StoredEntry, prev: Sha256 | '') => boolean
  readonly isSigned?: (entry: StoredEntry) => boolean
  /** Called now and then with the entries walked over so far. */
  readonly onProgress?: (entries: number) => void
}

/** Entries between two calls of `onProgress`. */
const PROGRESS_EVERY = 20_000

/**
 * Lets LevelDB gather what it can, then makes every feed an unbroken row from its first entry again. The node must not
 * run. Rows of views are dropped: they are made again from the entries that are left.
 */
export async function repairDatabase(dataFolder: string, options: RepairOptions = {}): Promise<RepairReport> {
  const folder = databaseFolder(dataFolder)
  try {
    const report = await repairTables(dataFolder, options)
    // LevelDB moves what it could not read there, for people; what it held comes back from the peers.
    await rm(join(folder, 'lost'), { recursive: true, force: true })
    return report
  } catch (error) {
    throw toStorageError(error, folder)
  }
}

/**
 * LevelDB repairs without a look at checksums: it takes over flipped keys and numbers, and then holds rows that it finds one way and
 * not the other. So only what is whole is left to it.
 */
async function repairTables(dataFolder: string, options: RepairOptions): Promise<RepairReport> {
  await cutLogs(dataFolder)
  const { findings } = await checkTables(dataFolder, { onBytes: async () => undefined })
  for (const { file } of findings) await removeFile(join(databaseFolder(dataFolder), file))
  await gather(dataFolder)
  return await mend(dataFolder, options)
}

async function gather(dataFolder: string): Promise<void> {
  await repairApart(databaseFolder(dataFolder))
  await restoreSchema(dataFolder)
}

async function mend(dataFolder: string, options: RepairOptions): Promise<RepairReport> {
  const database = await openDatabase(dataFolder)
  try {
    const report = await mendFeeds(database, options)
    // Made of entries that may be gone: they are made again from those that are left.
    await database.views.clear()
    return report
  } finally {
    await database.close()
  }
}

/** The schema version is one of the records that may have been lost; opening would then take the database for a stranger's. */
async function restoreSchema(dataFolder: string): Promise<void> {
  const folder = databaseFolder(dataFolder)
  const level = new Level<string, Uint8Array>(folder, { valueEncoding: 'view' })
  await level.open()
  try {
    await useDatabase(level, { folder, made: false })
  } finally {
    await level.close()
  }
  await writeFile(madeMarker(dataFolder), 'repaired\n', { flush: true })
}

async function mendFeeds(database: Database, options: RepairOptions): Promise<RepairReport> {
  const known = await knownHeads(database)
  const shortened: ShortFeed[] = []
  const heads = new Map<string, FeedHead>()
  let entries = 0
  for await (const end of feedEnds(database)) {
    const { seq, hash, dropped } = await mendFeed(database, end, { ...options, before: entries })
    entries += seq
    if (seq > 0) heads.set(feedKey(end), { ...end, seq, hash })
    if (dropped > 0) shortened.push({ feed: `${end.node}/${end.incarnation}`, seq, dropped })
  }
  await database.heads.clear()
  for (const [key, head] of heads) await database.heads.put(key, encodeHead(head))
  const missing = [...known].reduce(
    (sum, [key, seq]) => sum + Math.max(0, seq - (heads.get(key)?.seq ?? 0)),
    0
  )
  return { entries, shortened, missing }
}

/** The seq of each head that can be read. */
async function knownHeads(database: Database): Promise<ReadonlyMap<string, number>> {
  const known = new Map<string, number>()
  for await (const [key, value] of database.heads.iterator()) {
    try {
      known.set(key, decodeHead(key, value).seq)
    } catch {
      // A head that is broken itself says nothing; it is written anew.
    }
  }
  return known
}

interface Kept {
  readonly seq: number
  readonly hash: Sha256
}

/** Keeps the sound beginning of a feed and drops the rest. */
async function mendFeed(
  database: Database,
  feed: FeedHead,
  options: RepairOptions & { readonly before: number }
): Promise<Kept & { readonly dropped: number }> {
  const row = await soundRow(database, feed, options)
  const { seq, hash } = await signedEnd(database, { ...feed, ...row }, options)
  const after = { gte: entryKey(feed, seq + 1), lt: feedEnd(feed) }
  let dropped = 0
  for await (const key of database.entries.keys(after)) dropped += key === '' ? 0 : 1
  if (dropped > 0) await database.entries.clear(after)
  return { seq, hash, dropped }
}

/** How far the row goes without a hole and with each entry naming the one before it. */
async function soundRow(
  database: Database,
  feed: FeedHead,
  { follows = () => true, onProgress, before }: RepairOptions & { readonly before: number }
): Promise<Kept> {
  let seq = 0
  let hash: Sha256 | '' = ''
  const range = { gte: entryKey(feed, 1), lt: feedEnd(feed) }
  for await (const row of database.entries.iterator(range)) {
    const entry = entryOf(row)
    if (entry.seq !== seq + 1 || !follows(entry, hash)) break
    seq = entry.seq
    hash = entry.hash
    if ((before + seq) % PROGRESS_EVERY === 0) onProgress?.(before + seq)
  }
  return { seq, hash: hash === '' ? feed.hash : hash }
}

/** A signature vouches for all entries before it; without a sound one at the end nothing vouches for the last ones. */
async function signedEnd(
  database: Database,
  row: FeedHead,
  { isSigned = () => true }: RepairOptions
): Promise<Kept> {
  if (row.seq === 0) return row
  const range = { gte: entryKey(row, 1), lt: entryKey(row, row.seq + 1), reverse: true }
  for await (const stored of database.entries.iterator(range)) {
    const entry = entryOf(stored)
    if (isSigned(entry)) return entry
  }
  return { seq: 0, hash: row.hash }
}

function entryOf([key, bytes]: [string, Uint8Array]): StoredEntry {
  return { ...parseEntryKey(key), hash: sha256Hex(bytes), bytes }
}
