import type { NodeId } from '../core/ids.ts'
import type { FeedHead, StoredEntry } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'

/** What anti-entropy needs of the ledger. */
export interface SyncSource {
  heads(): readonly FeedHead[]
  /** Ascending by seq. */
  range(feed: FeedId, fromSeq: number): AsyncIterable<StoredEntry>
  /**
   * Takes consecutive entries of one feed from a peer, as they came off the wire: nothing about them has been checked.
   * `accepted` counts those that this node holds now, those it held before included; less than all stops the feed for
   * this pass.
   */
  admitRange(
    entries: readonly { readonly bytes: Uint8Array }[],
    from: NodeId
  ): Promise<{ readonly accepted: number }>
}
