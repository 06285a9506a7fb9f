import type { FeedHead, StoredEntry } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'
import type { NodeId } from '../core/ids.ts'
import type { StorageSource } from '../http/storage-routes.ts'
import { frameEntries } from './entry-frames.ts'
import type { Scrub } from './scrub.ts'

export interface StorageSourceParts {
  readonly self: NodeId
  readonly scrub: Scrub
  readonly ledger: {
    heads(): readonly FeedHead[]
    range(feed: FeedId, fromSeq: number, toSeq?: number): AsyncIterable<StoredEntry>
  }
}

/** What the owner's `verify` and `backup` ask of a running node. */
export function createStorageSource({ self, scrub, ledger }: StorageSourceParts): StorageSource {
  return {
    verify: ({ repair }, signal) => scrub.verify(repair, signal),
    entries: ({ all }) =>
      frameEntries(
        ledger.heads().filter(({ node }) => all || node === self),
        (feed, fromSeq, toSeq) => ledger.range(feed, fromSeq, toSeq)
      )
  }
}
