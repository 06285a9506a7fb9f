import { sha256Hex } from '../core/digest.ts'
import type { FeedHead } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'
import { decodeHead, feedEnd, feedKey, parseEntryKey } from './keys.ts'
import type { Database } from './open-database.ts'
import { brokenFeed, toStorageError } from './storage-error.ts'

/**
 * The stored heads by feed key, after a comparison with the last entry of each feed. LevelDB can lose a part of what it
 * was given and open without complaint: a head without its entry, or entries without a head, is how that shows.
 */
export async function checkHeads(database: Database): Promise<Map<string, FeedHead>> {
  try {
    const heads = new Map<string, FeedHead>()
    for await (const [key, value] of database.heads.iterator()) heads.set(key, decodeHead(key, value))
    for await (const end of feedEnds(database)) {
      const head = heads.get(feedKey(end))
      if (head?.seq !== end.seq || head.hash !== end.hash) throw brokenFeed(end, head?.seq ?? 0, end.seq)
    }
    await checkNoneMissing(database, heads)
    return heads
  } catch (error) {
    throw toStorageError(error, database.folder)
  }
}

/** The last entry of every feed that has one: two seeks a feed, whatever its length. */
export async function* feedEnds(database: Database): AsyncGenerator<FeedHead> {
  for (let from = ''; ;) {
    const [first] = await database.entries.keys({ gt: from, limit: 1 }).all()
    if (first === undefined) return
    const feed = parseEntryKey(first)
    yield await lastEntry(database, feed)
    from = feedEnd(feed)
  }
}

async function lastEntry(database: Database, feed: FeedId): Promise<FeedHead> {
  const range = { gt: feedKey(feed), lt: feedEnd(feed), reverse: true, limit: 1 }
  const [last] = await database.entries.iterator(range).all()
  if (last === undefined) throw brokenFeed(feed, 1, 0)
  return { ...parseEntryKey(last[0]), hash: sha256Hex(last[1]) }
}

async function checkNoneMissing(database: Database, heads: ReadonlyMap<string, FeedHead>): Promise<void> {
  for (const head of heads.values()) {
    const range = { gt: feedKey(head), lt: feedEnd(head), limit: 1 }
    const [first] = await database.entries.keys(range).all()
    if (first === undefined) throw brokenFeed(head, head.seq, 0)
  }
}
