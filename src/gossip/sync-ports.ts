import type { NodeId } from '../core/ids.ts'
import type { FeedHead, ForkPlace, StoredEntry } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'

/** What became of a range. `accepted` counts the entries that this node holds now, those it held before included. */
export interface RangeAdmission {
  readonly accepted: number
  /**
   * Why not all were taken; the feed is passed over for this pass.
   * - `later`: its author is not admitted as far as we know, or entries before it are missing;
   * - `fork`: signed, and of another history than the one held, or of a feed that is cut there. Of a feed that is not cut
   *   yet sync looks for the first entry in which the two histories differ and hands it in as a range of one entry;
   * - `refused`: no honest node can hold it.
   */
  readonly stopped?: 'later' | 'fork' | 'refused'
  /** For the log, and for the standing of the peer: the rule that a refused range broke. */
  readonly why?: string
}

/**
 * - `accepted`: it is kept, and the feed cut;
 * - `known`: a proof of that feed for the same or an earlier place was there;
 * - `later`: its author is not admitted as far as we know; it is asked for again;
 * - `refused`: it proves nothing, and no honest node can hold it.
 */
export type ProofAdmission = 'accepted' | 'known' | 'later' | 'refused'

/** What anti-entropy needs of the ledger. */
export interface SyncSource {
  /**
   * Heads as they are now. A head that did not change SHOULD be the same object as at the last call, in the same order:
   * that is how the digests of 20,000 feeds cost nothing while nothing changes.
   */
  heads(): readonly FeedHead[]
  /** Ascending by seq, up to `toSeq` if given. */
  range(feed: FeedId, fromSeq: number, toSeq?: number): AsyncIterable<StoredEntry>
  /**
   * Takes consecutive entries of one feed from a peer, as they came off the wire: nothing about them has been checked.
   */
  admitRange(entries: readonly { readonly bytes: Uint8Array }[], from: NodeId): Promise<RangeAdmission>
  /**
   * The place of every proof that is kept, one a feed, the lowest that is known; objects stay the same as those of
   * {@link heads} do. Two proofs for one place say the same, so that the place names it.
   */
  proofs(): readonly ForkPlace[]
  /** The kept proof of a feed as bytes, as {@link admitProof} takes it; undefined when there is none. */
  proof(feed: FeedId): Promise<Uint8Array | undefined>
  /** Takes a proof from a peer (at most MAX_PROOF_BYTES of core/limits.ts); nothing about it has been checked. */
  admitProof(bytes: Uint8Array, from: NodeId): Promise<ProofAdmission>
}
