import { sha256Hex } from '../core/digest.ts'
import { isNodeId, isSha256, type Sha256 } from '../core/ids.ts'
import { MAX_ENTRY_BYTES, MAX_SYNC_HEADS } from '../core/limits.ts'
import type { FeedHead } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'
import { boolean, bytes, fields, integer, list, matching, type Shape } from '../wire/shape.ts'
import { malformed } from '../wire/wire-error.ts'
import { MAX_SYNC_WANTS } from './gossip-limits.ts'
import type { FeedWant } from '../core/feed-heads.ts'

/*
 * Messages of a sync stream, as CBOR maps. docs/protocol/sync.md has them in CDDL.
 *
 *   ask 'heads', digest, prompted  → { same: true } | { heads: [head…], more } as often as `more` says
 *   ask 'range', wants: [want…]    → { parts: [part…], more }
 */

/** Consecutive entries of one feed, the first of them number `from`. */
export interface SyncPart extends FeedWant {
  readonly entries: readonly Uint8Array[]
}

export type SyncQuestion =
  /** `prompted`: this pull answers the other side's, which must not answer it with another. */
  | { readonly ask: 'heads'; readonly digest: Sha256; readonly prompted: boolean }
  | { readonly ask: 'range'; readonly wants: readonly FeedWant[] }

export interface SyncHeads {
  readonly heads: readonly FeedHead[]
  readonly more: boolean
}

export interface SyncRange {
  readonly parts: readonly SyncPart[]
  readonly more: boolean
}

const sha256 = matching(isSha256, 'a sha256')
const nodeId = matching(isNodeId, 'a node id')
const seq = integer(1, Number.MAX_SAFE_INTEGER)

export function readSyncQuestion(value: unknown): SyncQuestion {
  const map = fields(value, 'question')
  const ask = map['ask']
  if (ask === 'range') return { ask, wants: list(MAX_SYNC_WANTS, readWant)(map['wants'], 'wants') }
  if (ask !== 'heads') throw malformed('a question that sync does not know')
  return { ask, digest: sha256(map['digest'], 'digest'), prompted: boolean(map['prompted'], 'prompted') }
}

/** Undefined: both sides hold the same. */
export function readSyncHeads(value: unknown): SyncHeads | undefined {
  const map = fields(value, 'answer')
  if (map['same'] === true) return undefined
  return { heads: list(MAX_SYNC_HEADS, readHead)(map['heads'], 'heads'), more: boolean(map['more'], 'more') }
}

export function readSyncRange(value: unknown): SyncRange {
  const map = fields(value, 'answer')
  return { parts: list(MAX_SYNC_WANTS, readPart)(map['parts'], 'parts'), more: boolean(map['more'], 'more') }
}

/** One digest of all heads, the same on every node that holds the same entries. */
export function digestOfHeads(heads: readonly FeedHead[]): Sha256 {
  const lines = heads.map(
    ({ node, incarnation, seq: last, hash }) => `${node} ${incarnation} ${last} ${hash}`
  )
  return sha256Hex(lines.sort().join('\n'))
}

const incarnationOf: Shape<string> = (value, name) => {
  if (typeof value !== 'string' || !/^[0-9a-f]{16}$/.test(value)) throw malformed(`${name} is no incarnation`)
  return value
}

function readFeed(map: Readonly<Record<string, unknown>>): FeedId {
  return { node: nodeId(map['node'], 'node'), incarnation: incarnationOf(map['incarnation'], 'incarnation') }
}

function readHead(value: unknown, name: string): FeedHead {
  const map = fields(value, name)
  return { ...readFeed(map), seq: seq(map['seq'], 'seq'), hash: sha256(map['hash'], 'hash') }
}

function readWant(value: unknown, name: string): FeedWant {
  const map = fields(value, name)
  return { ...readFeed(map), from: seq(map['from'], 'from') }
}

function readPart(value: unknown, name: string): SyncPart {
  const map = fields(value, name)
  const entries = list(MAX_ENTRIES_IN_PART, bytes(1, MAX_ENTRY_BYTES))(map['entries'], 'entries')
  return { ...readWant(value, name), entries }
}

/** More do not fit into a frame: an entry has a signature of 64 bytes and a head of some 150. */
const MAX_ENTRIES_IN_PART = 2_000
