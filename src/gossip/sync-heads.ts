import { feedKey } from '../core/feed-heads.ts'
import { sha256Bytes } from '../core/digest.ts'
import type { NodeId } from '../core/ids.ts'
import type { FeedHead, ForkPlace } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'
import type { SyncSource } from './sync-ports.ts'

/** Feeds are divided by the first byte of SHA-256 of their node's id. */
export const SYNC_BUCKETS = 256
/** Of a bucket's digest as a question carries it. Two buckets that share it and differ are found by the whole digest. */
export const BUCKET_DIGEST_BYTES = 8

/** A feed's head, or where it is cut. */
type Place = FeedHead | ForkPlace

/** What one side tells of its feeds. */
export interface FeedPlaces {
  readonly heads: readonly FeedHead[]
  readonly proofs: readonly ForkPlace[]
}

/**
 * The digests of all feeds, kept up to date by what changed since the last look: one changed head in 20,000 costs one
 * pass of comparisons, one bucket of some 80 lines and one hash over 256 digests.
 */
export class SyncHeads {
  readonly #source: Pick<SyncSource, 'heads' | 'proofs'>
  readonly #heads = new Mirror<FeedHead>()
  readonly #proofs = new Mirror<ForkPlace>()
  readonly #bucketOf = new Map<NodeId, number>()
  readonly #lines = Array.from({ length: SYNC_BUCKETS }, () => new Map<string, string>())
  readonly #digests = Array.from({ length: SYNC_BUCKETS }, () => sha256Bytes(''))
  #digest = sha256Bytes(concat(this.#digests))

  constructor(source: Pick<SyncSource, 'heads' | 'proofs'>) {
    this.#source = source
  }

  /** Brings everything below up to date with the source. */
  refresh(): void {
    const changed = new Set<number>()
    this.#heads.follow(this.#source.heads(), (key, head) => {
      changed.add(this.#setLine(key, `${key} head`, head === undefined ? undefined : headLine(head)))
    })
    this.#proofs.follow(this.#source.proofs(), (key, proof) => {
      changed.add(this.#setLine(key, `${key} cut`, proof === undefined ? undefined : cutLine(proof)))
    })
    if (changed.size === 0) return
    for (const bucket of changed) this.#digests[bucket] = this.#digestOf(bucket)
    this.#digest = sha256Bytes(concat(this.#digests))
  }

  /** SHA-256 over the digests of all buckets: equal on two nodes when they hold the same feeds, cut at the same places. */
  digest(): Uint8Array {
    return this.#digest
  }

  /** The first {@link BUCKET_DIGEST_BYTES} of each bucket's digest, in the order of the buckets. */
  bucketDigests(): Uint8Array {
    return concat(this.#digests.map((digest) => digest.subarray(0, BUCKET_DIGEST_BYTES)))
  }

  feedCount(): number {
    return this.#heads.size
  }

  head(feed: FeedId): FeedHead | undefined {
    return this.#heads.get(feedKey(feed))
  }

  proof(feed: FeedId): ForkPlace | undefined {
    return this.#proofs.get(feedKey(feed))
  }

  /**
   * Heads and proofs of the buckets whose digest is not the one in `theirs`; everything when none differs, or without
   * `theirs`. The buckets with the fewest feeds come first, so that an author with endlessly many delays no other's.
   */
  differing(theirs?: Uint8Array): FeedPlaces {
    const ours = this.bucketDigests()
    const all = Array.from({ length: SYNC_BUCKETS }, (_, bucket) => bucket)
    const differ = theirs === undefined ? all : all.filter((bucket) => !isSameBucket(ours, theirs, bucket))
    const told = new Set(differ.length === 0 ? all : differ)
    const inTold = ({ node }: Place): boolean => told.has(this.#bucket(node))
    const size = ({ node }: Place): number => this.#lines[this.#bucket(node)]?.size ?? 0
    return {
      heads: this.#heads
        .list()
        .filter(inTold)
        .sort((a, b) => size(a) - size(b)),
      proofs: this.#proofs.list().filter(inTold)
    }
  }

  #setLine(feed: string, key: string, line: string | undefined): number {
    const bucket = this.#bucket(feed.slice(0, feed.indexOf('/')) as NodeId)
    const lines = this.#lines[bucket]
    if (line === undefined) lines?.delete(key)
    else lines?.set(key, line)
    return bucket
  }

  #digestOf(bucket: number): Uint8Array {
    return sha256Bytes([...(this.#lines[bucket]?.values() ?? [])].sort().join('\n'))
  }

  #bucket(node: NodeId): number {
    const known = this.#bucketOf.get(node)
    if (known !== undefined) return known
    const bucket = sha256Bytes(node)[0] ?? 0
    this.#bucketOf.set(node, bucket)
    return bucket
  }
}

/** A list as it was at the last look, by feed; tells what changed since. */
class Mirror<P extends Place> {
  readonly #byFeed = new Map<string, P>()
  #seen: readonly P[] = []

  get size(): number {
    return this.#byFeed.size
  }

  get(key: string): P | undefined {
    return this.#byFeed.get(key)
  }

  list(): readonly P[] {
    return this.#seen
  }

  /** `undefined`: the feed is gone. */
  follow(now: readonly P[], onChange: (key: string, place: P | undefined) => void): void {
    const before = this.#seen
    this.#seen = now
    for (const [index, place] of now.entries()) {
      // the same object says the same: places never change, they are replaced
      if (before[index] === place) continue
      const key = feedKey(place)
      const known = this.#byFeed.get(key)
      this.#byFeed.set(key, place)
      if (known === undefined || !isSamePlace(known, place)) onChange(key, place)
    }
    if (this.#byFeed.size > now.length) this.#forgetAllBut(new Set(now.map(feedKey)), onChange)
  }

  #forgetAllBut(held: ReadonlySet<string>, onChange: (key: string, place: undefined) => void): void {
    for (const key of this.#byFeed.keys()) {
      if (held.has(key)) continue
      this.#byFeed.delete(key)
      onChange(key, undefined)
    }
  }
}

function isSamePlace(a: Place, b: Place): boolean {
  return a.seq === b.seq && hashOf(a) === hashOf(b)
}

function hashOf(place: Place): string | undefined {
  return 'hash' in place ? place.hash : undefined
}

function headLine({ node, incarnation, seq, hash }: FeedHead): string {
  return `${node} ${incarnation} ${seq} ${hash}`
}

function cutLine({ node, incarnation, seq }: ForkPlace): string {
  return `${node} ${incarnation} ${seq} cut`
}

function isSameBucket(ours: Uint8Array, theirs: Uint8Array, bucket: number): boolean {
  const start = bucket * BUCKET_DIGEST_BYTES
  for (let at = start; at < start + BUCKET_DIGEST_BYTES; at++) if (ours[at] !== theirs[at]) return false
  return true
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
