import { join } from 'node:path'
import type { FeedHead } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'
import { parseNodeId, parseSha256, type Sha256 } from '../core/ids.ts'

/**
 * Everything that lies in the data folder, in one place.
 *
 *   ledger/       LevelDB, with the key spaces below
 *   ledger.tide   how much the ledger held when somebody last looked: tide-mark.ts
 *   ledger.damaged  why the next start repairs the database: damage-mark.ts
 *   ledger.salvage/  files of a broken database, until what can be read of them is in it again: salvage.ts
 *   ledger.made   written once the database was made: tells a new node from one that lost its database
 *   blobs/        ab/cd/<sha256>, the bytes as they are, and <sha256>.pieces, the digests of a large one's pieces; tmp/,
 *                 swept at start; partial/<sha256>, broken transfers, and partial/<sha256>.pieces, those by pieces;
 *                 bad/<sha256>, broken copies that were taken out
 *
 * A name once used here is never used for anything else; retired ones stay as comments.
 */
export const databaseFolder = (dataFolder: string): string => join(dataFolder, 'ledger')
export const madeMarker = (dataFolder: string): string => join(dataFolder, 'ledger.made')
export const salvageFolder = (dataFolder: string): string => join(dataFolder, 'ledger.salvage')
export const blobFolder = (dataFolder: string): string => join(dataFolder, 'blobs')

/** Grows when a layout below changes; a database of another version is not opened. */
export const SCHEMA_VERSION = 1

/** LevelDB sublevels, one a key space. All keys are text, all values bytes. */
export const KEY_SPACES = {
  /** `schema` → {@link SCHEMA_VERSION} in decimal. */
  meta: 'meta',
  /** {@link entryKey} → envelope bytes. */
  entries: 'entries',
  /** {@link feedKey} → {@link encodeHead}. */
  heads: 'heads',
  /** A name of the caller's → its bytes: what the coordination remembers over a restart. */
  state: 'state',
  /** {@link entryKey} of the place where a feed is cut → the two envelopes that prove it. */
  proofs: 'proofs',
  /** {@link entryKey} → envelope bytes of own entries that a repair had to cut out of their feed: own-orphans.ts. */
  orphans: 'orphans',
  /** Rows of the stored views; ledger/row-keys.ts names them. All of it can be made again from the entries. */
  views: 'views'
} as const

export const SCHEMA_KEY = 'schema'

const NODE_CHARS = 52
const INCARNATION_CHARS = 16
const FEED_CHARS = NODE_CHARS + INCARNATION_CHARS
/** 12 hex digits: 2^48 entries of one feed. */
const SEQ_CHARS = 12
const INCARNATION = /^[0-9a-f]{16}$/
/** Sorts after every seq of a feed, and before the next feed. */
const AFTER_HEX = 'g'

/** Fixed width, so that two feeds never share a prefix. */
export function feedKey({ node, incarnation }: FeedId): string {
  if (node.length !== NODE_CHARS || !INCARNATION.test(incarnation)) {
    throw new TypeError(`not a feed: ${node} ${incarnation}`)
  }
  return node + incarnation
}

/** Feed, then seq with the highest digit first: byte order is feed by feed, ascending. */
export function entryKey(feed: FeedId, seq: number): string {
  if (!Number.isSafeInteger(seq) || seq < 1 || seq >= 16 ** SEQ_CHARS)
    throw new TypeError(`not a seq: ${seq}`)
  return feedKey(feed) + seq.toString(16).padStart(SEQ_CHARS, '0')
}

/** A key that sorts after all entries of the feed and before those of the next. */
export function feedEnd(feed: FeedId): string {
  return feedKey(feed) + AFTER_HEX
}

export function parseEntryKey(key: string): FeedId & { readonly seq: number } {
  return { ...parseFeedKey(key.slice(0, FEED_CHARS)), seq: Number.parseInt(key.slice(FEED_CHARS), 16) }
}

function parseFeedKey(key: string): FeedId {
  return { node: parseNodeId(key.slice(0, NODE_CHARS)), incarnation: key.slice(NODE_CHARS) }
}

export function encodeHead(head: { readonly seq: number; readonly hash: Sha256 }): Uint8Array {
  return new TextEncoder().encode(`${head.seq} ${head.hash}`)
}

export function decodeHead(key: string, value: Uint8Array): FeedHead {
  const [seq, hash] = new TextDecoder().decode(value).split(' ')
  return { ...parseFeedKey(key), seq: Number(seq), hash: parseSha256(hash) }
}
