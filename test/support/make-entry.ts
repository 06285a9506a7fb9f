import { sha256Hex } from '../../src/core/digest.ts'
import { parseNodeId, type NodeId } from '../../src/core/ids.ts'
import type { StoredEntry } from '../../src/core/ports.ts'
import type { FeedId } from '../../src/core/record.ts'

const FIRST_LIFE = '0000000000000000'

/** A node id of the right form; `letter` tells nodes apart and orders them. */
function aNodeId(letter: string): NodeId {
  return parseNodeId(`12D3KooW${letter.repeat(44)}`)
}

export function aFeed(letter: string, incarnation = FIRST_LIFE): FeedId {
  return { node: aNodeId(letter), incarnation }
}

/** An entry whose bytes say where it belongs; nobody signed it. */
export function aStoredEntry(feed: FeedId, seq: number, text = 'entry'): StoredEntry {
  const bytes = new TextEncoder().encode(`${text} ${feed.node} ${feed.incarnation} ${seq}`)
  return { ...feed, seq, hash: sha256Hex(bytes), bytes }
}

export function someStoredEntries(feed: FeedId, fromSeq: number, toSeq: number): StoredEntry[] {
  return Array.from({ length: toSeq - fromSeq + 1 }, (_, index) => aStoredEntry(feed, fromSeq + index))
}
