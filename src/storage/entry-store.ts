import type { EntryStore, FeedHead, StoredEntry } from '../core/ports.ts'
import { sha256Hex } from '../core/digest.ts'
import { AppendQueue } from './append-queue.ts'
import { checkHeads } from './check-heads.ts'
import { cutFeed, forksIn, proofOf } from './cut-feed.ts'
import { entryKey, feedKey, parseEntryKey } from './keys.ts'
import type { Database } from './open-database.ts'
import { brokenFeed } from './storage-error.ts'

/** Entries read ahead at a time: enough to keep a disk busy, some MiB at the worst. */
const READ_AHEAD_BYTES = 1024 * 1024

/** Feeds in the database. Throws a StorageError that names the feed when its stored end is not where its head says. */
export async function createEntryStore(database: Database): Promise<EntryStore> {
  const heads = await checkHeads(database)
  const queue = new AppendQueue(database, heads)
  return {
    heads: async () => [...heads.values()],
    append: async (entries, options) => queue.append(entries, options),
    whenWritable: (error) => database.health.whenWritable(error),
    range: (feed, fromSeq, toSeq) => readRange(database, heads.get(feedKey(feed)), { fromSeq, toSeq }),
    all: () => readAll(database, heads),
    forks: () => forksIn(database),
    proof: (feed) => proofOf(database, feed),
    cut: (cut) => cutFeed(database, heads, cut)
  }
}

interface Bounds {
  readonly fromSeq: number
  readonly toSeq: number | undefined
}

async function* readRange(
  database: Database,
  head: FeedHead | undefined,
  { fromSeq, toSeq }: Bounds
): AsyncGenerator<StoredEntry> {
  const first = Math.max(fromSeq, 1)
  const last = Math.min(toSeq ?? Infinity, head?.seq ?? 0)
  if (head === undefined || last < first) return
  let expected = first
  for await (const entry of scan(database, { gte: entryKey(head, first), lte: entryKey(head, last) })) {
    if (entry.seq !== expected) throw database.health.readFailed(brokenFeed(head, expected, entry.seq))
    expected += 1
    yield entry
  }
  if (expected <= last) throw database.health.readFailed(brokenFeed(head, last, expected - 1))
}

/** Passes over everything, so it is also the one complete check: each feed from 1 to its head without a hole. */
async function* readAll(
  database: Database,
  heads: ReadonlyMap<string, FeedHead>
): AsyncGenerator<StoredEntry> {
  const ends = [...heads.values()]
  const seen = new Map<string, number>()
  for await (const entry of scan(database, {})) {
    const key = feedKey(entry)
    const expected = (seen.get(key) ?? 0) + 1
    if (entry.seq !== expected) throw database.health.readFailed(brokenFeed(entry, expected, entry.seq))
    seen.set(key, entry.seq)
    yield entry
  }
  for (const end of ends) {
    const found = seen.get(feedKey(end)) ?? 0
    if (found < end.seq) throw database.health.readFailed(brokenFeed(end, end.seq, found))
  }
}

type KeyRange = { readonly gte?: string; readonly lte?: string }

async function* scan(database: Database, range: KeyRange): AsyncGenerator<StoredEntry> {
  try {
    const options: KeyRange & { readonly highWaterMarkBytes: number } = {
      ...range,
      highWaterMarkBytes: READ_AHEAD_BYTES
    }
    for await (const [key, bytes] of database.entries.iterator(options)) {
      yield { ...parseEntryKey(key), hash: sha256Hex(bytes), bytes }
    }
  } catch (error) {
    throw database.health.readFailed(error)
  }
}
