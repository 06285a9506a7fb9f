import type { FeedHead } from './ports.ts'
import type { FeedId } from './record.ts'

/** What one side of a sync lacks of one feed: all entries from this number on. */
export interface FeedWant extends FeedId {
  readonly from: number
}

export function feedKey({ node, incarnation }: FeedId): string {
  return `${node}/${incarnation}`
}

/** What to ask for, given both sides' heads. */
export function wantsOf(ours: readonly FeedHead[], theirs: readonly FeedHead[]): readonly FeedWant[] {
  const own = new Map(ours.map((head) => [feedKey(head), head]))
  return theirs.flatMap((head): FeedWant[] => {
    const mine = own.get(feedKey(head))
    const { node, incarnation } = head
    if (mine === undefined) return [{ node, incarnation, from: 1 }]
    if (head.seq > mine.seq) return [{ node, incarnation, from: mine.seq + 1 }]
    // the same number with another hash: the author forked its feed, and that entry is the proof
    if (head.seq === mine.seq && head.hash !== mine.hash) return [{ node, incarnation, from: head.seq }]
    return []
  })
}
