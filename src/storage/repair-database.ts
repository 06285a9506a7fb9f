import { Level } from 'level'
import { writeFile } from 'node:fs/promises'
import { sha256Hex } from '../core/digest.ts'
import type { FeedHead } from '../core/ports.ts'
import { feedEnds } from './check-heads.ts'
import { databaseFolder, encodeHead, entryKey, feedEnd, feedKey, madeMarker, parseEntryKey } from './keys.ts'
import { openDatabase, useDatabase, type Database } from './open-database.ts'
import { toStorageError } from './storage-error.ts'

/** What is left after a repair; what a feed lost comes back from the peers. */
export interface RepairReport {
  readonly entries: number
  /** Feeds with a hole: kept up to it, the rest dropped. */
  readonly shortened: readonly { readonly feed: string; readonly seq: number; readonly dropped: number }[]
}

/**
 * Lets LevelDB gather what it can, then makes every feed an unbroken row from its first entry again. The node must not
 * run. A node that lost entries of its own asks its peers for them before it writes: see the ledger.
 */
export async function repairDatabase(dataFolder: string): Promise<RepairReport> {
  const folder = databaseFolder(dataFolder)
  try {
    await leveldb.repair(folder)
    await restoreSchema(dataFolder)
    const database = await openDatabase(dataFolder)
    try {
      return await mendFeeds(database)
    } finally {
      await database.close()
    }
  } catch (error) {
    throw toStorageError(error, folder)
  }
}

/** LevelDB's own function, which the common interface of all levels does not name. */
const leveldb = Level as unknown as { repair(location: string): Promise<void> }

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

async function mendFeeds(database: Database): Promise<RepairReport> {
  const shortened = []
  let entries = 0
  const heads = new Map<string, Uint8Array>()
  for await (const end of feedEnds(database)) {
    const { seq, hash, dropped } = await mendFeed(database, end)
    entries += seq
    if (seq > 0) heads.set(feedKey(end), encodeHead({ seq, hash }))
    if (dropped > 0) shortened.push({ feed: `${end.node}/${end.incarnation}`, seq, dropped })
  }
  await database.heads.clear()
  for (const [key, head] of heads) await database.heads.put(key, head)
  return { entries, shortened }
}

/** Drops what comes after the first hole. */
async function mendFeed(
  database: Database,
  feed: FeedHead
): Promise<Pick<FeedHead, 'seq' | 'hash'> & { readonly dropped: number }> {
  let seq = 0
  let hash = feed.hash
  const range = { gte: entryKey(feed, 1), lt: feedEnd(feed) }
  for await (const [key, bytes] of database.entries.iterator(range)) {
    if (parseEntryKey(key).seq !== seq + 1) break
    seq += 1
    hash = sha256Hex(bytes)
  }
  const after = { gte: entryKey(feed, seq + 1), lt: feedEnd(feed) }
  const dropped = (await database.entries.keys(after).all()).length
  await database.entries.clear(after)
  return { seq, hash, dropped }
}
