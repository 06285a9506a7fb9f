import { isNodeId, type Sha256 } from '../core/ids.ts'
import { MAX_ENTRY_BYTES, MAX_PROOF_BYTES, MAX_SYNC_HEADS } from '../core/limits.ts'
import type { FeedHead, ForkPlace } from '../core/ports.ts'
import type { FeedWant } from '../core/feed-heads.ts'
import type { FeedId } from '../core/record.ts'
import { boolean, fields, integer, list, matching, optional, type Shape } from '../wire/shape.ts'
import { hexToBytes, bytesToHex } from '../core/hex.ts'
import { malformed } from '../wire/wire-error.ts'
import { MAX_SYNC_PAGES_AHEAD, MAX_SYNC_PROBES, MAX_SYNC_WANTS } from './gossip-limits.ts'
import { BUCKET_DIGEST_BYTES, SYNC_BUCKETS, type FeedPlaces } from './sync-heads.ts'

/*
 * Messages of a sync stream: CBOR maps, and in them rows without names for what there is much of.
 * docs/protocol/sync.md has them in CDDL and says when each is asked.
 */

export type SyncQuestion =
  | HeadsQuestion
  | RangeQuestion
  /** One more page of the range; `skip` names wants by their number that need not come any more. */
  | { readonly ask: 'more'; readonly skip: readonly number[] }
  | { readonly ask: 'proof'; readonly feed: FeedId }
  /** The hashes of these entries, to find where two histories part. */
  | { readonly ask: 'hashes'; readonly feed: FeedId; readonly at: readonly number[] }

export interface HeadsQuestion {
  readonly ask: 'heads'
  readonly digest: Uint8Array
  /** The digests of all buckets, from a node with many feeds. */
  readonly buckets?: Uint8Array
  /** This pull answers the other side's, which must not answer it with another. */
  readonly prompted: boolean
}

export interface RangeQuestion {
  readonly ask: 'range'
  readonly wants: readonly FeedWant[]
  /** How many pages may come before the client asks for more. */
  readonly pages: number
}

export interface HeadsAnswer extends FeedPlaces {
  readonly more: boolean
}

/** Consecutive entries of the want with this number, the first of them number `from`. */
export interface SyncPart {
  readonly want: number
  readonly from: number
  readonly entries: readonly Uint8Array[]
}

export interface SyncPage {
  readonly parts: readonly SyncPart[]
  readonly more: boolean
}

/** More do not fit into a frame: an entry has a signature of 64 bytes and a head of some 150. */
export const MAX_ENTRIES_IN_PART = 2_000

const HASH_BYTES = 32
const seq = integer(1, Number.MAX_SAFE_INTEGER)
const nodeId = matching(isNodeId, 'a node id')
const incarnation = matching(isIncarnation, 'an incarnation')
const hash = binary(HASH_BYTES, HASH_BYTES)
const wantNumber = integer(0, MAX_SYNC_WANTS - 1)

export function encodeQuestion(question: SyncQuestion): unknown {
  switch (question.ask) {
    case 'heads':
    case 'more':
      return question
    case 'range':
      return {
        ...question,
        wants: question.wants.map(({ node, incarnation: of, from, to }) => [node, of, from, to])
      }
    case 'proof':
      return { ask: 'proof', feed: feedRow(question.feed) }
    case 'hashes':
      return { ...question, feed: feedRow(question.feed) }
  }
}

export function readSyncQuestion(value: unknown): SyncQuestion {
  const map = fields(value, 'question')
  switch (map['ask']) {
    case 'heads':
      return {
        ask: 'heads',
        digest: hash(map['digest'], 'digest'),
        ...optional(map, 'buckets', BUCKETS),
        prompted: boolean(map['prompted'], 'prompted')
      }
    case 'range':
      return {
        ask: 'range',
        wants: list(MAX_SYNC_WANTS, readWant)(map['wants'], 'wants'),
        pages: integer(1, MAX_SYNC_PAGES_AHEAD)(map['pages'], 'pages')
      }
    case 'more':
      return { ask: 'more', skip: list(MAX_SYNC_WANTS, wantNumber)(map['skip'], 'skip') }
    case 'proof':
      return { ask: 'proof', feed: readFeed(map['feed'], 'feed') }
    case 'hashes':
      return {
        ask: 'hashes',
        feed: readFeed(map['feed'], 'feed'),
        at: list(MAX_SYNC_PROBES, seq)(map['at'], 'at')
      }
    default:
      throw malformed('a question that sync does not know')
  }
}

export function encodeHeads({ heads, proofs, more }: HeadsAnswer): unknown {
  return {
    heads: heads.map((head) => [head.node, head.incarnation, head.seq, hexToBytes(head.hash)]),
    proofs: proofs.map((proof) => [proof.node, proof.incarnation, proof.seq]),
    more
  }
}

/** Undefined: both sides hold the same. */
export function readHeadsAnswer(value: unknown): HeadsAnswer | undefined {
  const map = fields(value, 'answer')
  if (map['same'] === true) return undefined
  return {
    heads: list(MAX_SYNC_HEADS, readHead)(map['heads'], 'heads'),
    proofs: list(MAX_SYNC_HEADS, readProofRow)(map['proofs'], 'proofs'),
    more: boolean(map['more'], 'more')
  }
}

export function encodePage({ parts, more }: SyncPage): unknown {
  return { parts: parts.map(({ want, from, entries }) => [want, from, entries]), more }
}

export function readPage(value: unknown): SyncPage {
  const map = fields(value, 'answer')
  return { parts: list(MAX_SYNC_WANTS, readPart)(map['parts'], 'parts'), more: boolean(map['more'], 'more') }
}

/** Undefined: the peer has no proof of that feed, or not any more. */
export function readProofAnswer(value: unknown): Uint8Array | undefined {
  return optional(fields(value, 'answer'), 'proof', binary(1, MAX_PROOF_BYTES)).proof
}

/** One for each place that was asked for; undefined where the peer holds no entry. */
export function readHashesAnswer(value: unknown, count: number): readonly (Sha256 | undefined)[] {
  const hashes = list(MAX_SYNC_PROBES, (one, name) => (one === null ? undefined : readHash(one, name)))(
    fields(value, 'answer')['hashes'],
    'hashes'
  )
  if (hashes.length !== count) throw malformed('hashes are not as many as were asked for')
  return hashes
}

const BUCKETS = binary(SYNC_BUCKETS * BUCKET_DIGEST_BYTES, SYNC_BUCKETS * BUCKET_DIGEST_BYTES)

/** Byte strings of a decoded frame are views into it that nothing else uses: no copy. */
function binary(minLength: number, maxLength: number): Shape<Uint8Array> {
  return (value, name) => {
    if (!(value instanceof Uint8Array) || value.byteLength < minLength || value.byteLength > maxLength) {
      throw malformed(`${name} is not ${minLength} to ${maxLength} bytes`)
    }
    return value
  }
}

function isIncarnation(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)
}

function feedRow({ node, incarnation: of }: FeedId): readonly unknown[] {
  return [node, of]
}

function row(value: unknown, length: number, name: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw malformed(`${name} is not a row of ${length}`)
  return value
}

function readFeed(value: unknown, name: string): FeedId {
  const [node, of] = row(value, 2, name)
  return { node: nodeId(node, name), incarnation: incarnation(of, name) }
}

function readHead(value: unknown, name: string): FeedHead {
  const [node, of, last, digest] = row(value, 4, name)
  return {
    node: nodeId(node, name),
    incarnation: incarnation(of, name),
    seq: seq(last, name),
    hash: readHash(digest, name)
  }
}

function readHash(value: unknown, name: string): Sha256 {
  return bytesToHex(hash(value, name)) as Sha256
}

function readProofRow(value: unknown, name: string): ForkPlace {
  const [node, of, at] = row(value, 3, name)
  return { node: nodeId(node, name), incarnation: incarnation(of, name), seq: seq(at, name) }
}

function readWant(value: unknown, name: string): FeedWant {
  const [node, of, from, to] = row(value, 4, name)
  return {
    node: nodeId(node, name),
    incarnation: incarnation(of, name),
    from: seq(from, name),
    to: seq(to, name)
  }
}

function readPart(value: unknown, name: string): SyncPart {
  const [want, from, entries] = row(value, 3, name)
  return {
    want: wantNumber(want, name),
    from: seq(from, name),
    entries: list(MAX_ENTRIES_IN_PART, binary(1, MAX_ENTRY_BYTES))(entries, name)
  }
}
