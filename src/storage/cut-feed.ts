import type { FeedCut, FeedHead, ForkPlace } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'
import { rowChanges, writeChanges, type Change } from './append-queue.ts'
import { encodeHead, entryKey, feedEnd, feedKey, parseEntryKey } from './keys.ts'
import type { Database } from './open-database.ts'

/** Where feeds are cut. */
export async function forksIn({ proofs, health }: Database): Promise<readonly ForkPlace[]> {
  try {
    return (await proofs.keys().all()).map(parseEntryKey)
  } catch (error) {
    throw health.readFailed(error)
  }
}

export async function proofOf({ proofs, health }: Database, feed: FeedId): Promise<Uint8Array | undefined> {
  try {
    const [proof] = await proofs.values({ gt: feedKey(feed), lt: feedEnd(feed), limit: 1 }).all()
    return proof
  } catch (error) {
    throw health.readFailed(error)
  }
}

/** Takes the end of a feed away and keeps why, in one synced write; `heads` is moved back when that is on the disk. */
export async function cutFeed(
  database: Database,
  heads: Map<string, FeedHead>,
  { place, proof, head, rows = [] }: FeedCut
): Promise<void> {
  const key = feedKey(place)
  const { health, proofs } = database
  try {
    if (health.writeTrouble !== undefined) throw health.writeTrouble
    const changes: Change[] = [
      ...(await removals(database, place, (head?.seq ?? 0) + 1)),
      { type: 'put', sublevel: proofs, key: entryKey(place, place.seq), value: proof },
      head === undefined
        ? { type: 'del', sublevel: database.heads, key }
        : { type: 'put', sublevel: database.heads, key, value: encodeHead(head) },
      ...rowChanges(database, rows)
    ]
    await writeChanges(database, changes, true)
  } catch (error) {
    throw health.writeFailed(error)
  }
  if (head === undefined) heads.delete(key)
  else heads.set(key, head)
}

/** Of the entries from a number on, and of the proof that was kept until now. */
async function removals(
  { entries, proofs }: Database,
  feed: FeedId,
  fromSeq: number
): Promise<readonly Change[]> {
  const found: Change[] = []
  for await (const key of entries.keys({ gte: entryKey(feed, fromSeq), lt: feedEnd(feed) }))
    found.push({ type: 'del', sublevel: entries, key })
  for await (const key of proofs.keys({ gt: feedKey(feed), lt: feedEnd(feed) }))
    found.push({ type: 'del', sublevel: proofs, key })
  return found
}
