import { sha256Hex } from '../core/digest.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import type { FeedHead, StoredEntry } from '../core/ports.ts'
import { feedEnds } from './check-heads.ts'
import { decodeHead, encodeHead, entryKey, feedEnd, feedKey, parseEntryKey } from './keys.ts'
import type { Database } from './open-database.ts'

export interface MendReport {
  readonly entries: number
  /** Feeds with a hole: kept up to it, the rest dropped. */
  readonly shortened: readonly ShortFeed[]
  /** Entries that the heads knew of and that are not there any more; those of feeds that are gone whole, head and all, are not counted. */
  readonly missing: number
  /** Own entries behind a hole of their feed, kept to be written anew: nobody else may have them. */
  readonly orphans: number
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
  /** Whose entries are kept when their feed has a hole before them; absent: nobody's. */
  readonly self?: NodeId
  /** Called now and then with the entries walked over so far. */
  readonly onProgress?: (entries: number) => void
}

/** Entries between two calls of `onProgress`. */
const PROGRESS_EVERY = 20_000

/** Makes every feed an unbroken row from its first entry again, and writes the heads anew. */
export async function mendFeeds(database: Database, options: RepairOptions): Promise<MendReport> {
  const known = await knownHeads(database)
  const shortened: ShortFeed[] = []
  const heads = new Map<string, FeedHead>()
  let [entries, orphans] = [0, 0]
  for await (const end of feedEnds(database)) {
    const { seq, hash, dropped, kept } = await mendFeed(database, end, { ...options, before: entries })
    entries += seq
    if (seq > 0) heads.set(feedKey(end), { ...end, seq, hash })
    if (dropped > 0) shortened.push({ feed: `${end.node}/${end.incarnation}`, seq, dropped })
    if (end.node === options.self) orphans += kept
  }
  await database.heads.clear()
  for (const [key, head] of heads) await database.heads.put(key, encodeHead(head))
  const missing = [...known].reduce(
    (sum, [key, seq]) => sum + Math.max(0, seq - (heads.get(key)?.seq ?? 0)),
    0
  )
  return { entries, shortened, missing, orphans }
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
): Promise<Kept & { readonly dropped: number; readonly kept: number }> {
  const row = await soundRow(database, feed, options)
  const { seq, hash } = await signedEnd(database, { ...feed, ...row }, options)
  const { dropped, kept } = await dropAfter(database, { ...feed, seq }, options)
  return { seq, hash, dropped, kept }
}

/** A record of this node's own is no worse for a hole before it: its entry is kept elsewhere, to be written anew. */
async function dropAfter(
  database: Database,
  feed: FeedHead,
  { self, isSigned = () => true }: RepairOptions
): Promise<{ readonly dropped: number; readonly kept: number }> {
  const after = { gte: entryKey(feed, feed.seq + 1), lt: feedEnd(feed) }
  let [dropped, kept] = [0, 0]
  for await (const row of database.entries.iterator(after)) {
    dropped += 1
    if (feed.node !== self || !isSigned(entryOf(row))) continue
    await database.orphans.put(...row)
    kept += 1
  }
  if (dropped > 0) await database.entries.clear(after)
  return { dropped, kept }
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
