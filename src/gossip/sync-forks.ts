import type { Sha256 } from '../core/ids.ts'
import type { FeedHead } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'
import { MAX_SYNC_PROBES } from './gossip-limits.ts'
import { readHashesAnswer } from './sync-messages.ts'
import { pullRanges } from './sync-ranges.ts'
import type { SyncSession } from './sync-session.ts'

/**
 * Both sides hold another history of one feed: finds the first entry in which they differ and hands the peer's to the
 * ledger, which then has two signed entries for one place. True when the ledger has learnt of a fork.
 */
export async function settleFork(session: SyncSession, theirs: FeedHead): Promise<boolean> {
  const { node, incarnation } = theirs
  const mine = session.index.head(theirs)
  if (mine === undefined) return false
  const seq = await firstDifference(session, theirs, Math.min(mine.seq, theirs.seq))
  if (seq === undefined) return false
  const { stopped } = await pullRanges(session, [{ node, incarnation, from: seq, to: seq }])
  return [...stopped.values()].some(({ admission }) => admission.stopped === 'fork')
}

/** Entries are chained by hashes, so that two histories which agree in one entry agree in all before it. */
async function firstDifference(
  session: SyncSession,
  feed: FeedId,
  last: number
): Promise<number | undefined> {
  let agreed = 0
  let differ: number | undefined
  while (differ === undefined || differ - agreed > 1) {
    const places = spread(agreed, differ ?? last + 1)
    const theirs = await askHashes(session, feed, places)
    const found = await firstOther(session, feed, places, theirs)
    if (found === undefined && differ === undefined) return undefined
    agreed = places[(found ?? places.length) - 1] ?? agreed
    if (found !== undefined) differ = places[found]
  }
  return differ
}

async function askHashes(
  session: SyncSession,
  { node, incarnation }: FeedId,
  at: readonly number[]
): Promise<readonly (Sha256 | undefined)[]> {
  await session.ask({ ask: 'hashes', feed: { node, incarnation }, at })
  return readHashesAnswer(await session.answer(), at.length)
}

/** The index of the first place where they have another entry than we; what they lack is no difference. */
async function firstOther(
  { source }: SyncSession,
  feed: FeedId,
  places: readonly number[],
  theirs: readonly (Sha256 | undefined)[]
): Promise<number | undefined> {
  for (const [index, seq] of places.entries()) {
    const told = theirs[index]
    for await (const { hash } of source.range(feed, seq, seq)) {
      if (told !== undefined && told !== hash) return index
    }
  }
  return undefined
}

/** At most {@link MAX_SYNC_PROBES} places between the two, evenly; the last of them is `before - 1`. */
function spread(after: number, before: number): readonly number[] {
  const between = before - after - 1
  const count = Math.min(between, MAX_SYNC_PROBES)
  return Array.from({ length: count }, (_, index) => after + Math.ceil(((index + 1) * between) / count))
}
