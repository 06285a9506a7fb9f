import type { FeedHead, ForkPlace } from './ports.ts'
import type { FeedId } from './record.ts'

/** What one side of a sync lacks of one feed: the entries from this number on, up to the head that it was told. */
export interface FeedWant extends FeedId {
  readonly from: number
  readonly to: number
}

export function feedKey({ node, incarnation }: FeedId): string {
  return `${node}/${incarnation}`
}

/** What to ask for, given both sides' heads and where we know feeds to be cut. */
export function wantsOf(
  ours: readonly FeedHead[],
  theirs: readonly FeedHead[],
  cuts: readonly ForkPlace[] = []
): readonly FeedWant[] {
  const own = new Map(ours.map((head) => [feedKey(head), head]))
  const cutAt = new Map(cuts.map((cut) => [feedKey(cut), cut.seq]))
  return theirs.flatMap((head): FeedWant[] => {
    const { node, incarnation } = head
    const from = firstLacked(own.get(feedKey(head)), head)
    const to = Math.min(head.seq, (cutAt.get(feedKey(head)) ?? Infinity) - 1)
    return from > to ? [] : [{ node, incarnation, from, to }]
  })
}

function firstLacked(mine: FeedHead | undefined, head: FeedHead): number {
  if (mine === undefined) return 1
  // the same number with another hash: the author forked its feed, there or before
  if (head.seq === mine.seq && head.hash !== mine.hash) return head.seq
  return mine.seq + 1
}
