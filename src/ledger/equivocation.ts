import { feedKey } from '../core/feed-heads.ts'
import { messageOf } from '../core/errors.ts'
import type { MeshId } from '../core/ids.ts'
import type { ForkPlace } from '../core/ports.ts'
import type { Entry, FeedId } from '../core/record.ts'
import type { EntryCodec } from './entry-codec.ts'
import type { Received } from './received.ts'

/** A proof that has been looked through: its author signed two histories that part at `place` or before it. */
export interface ForkProof {
  readonly place: ForkPlace
  readonly pair: readonly [Received, Received]
  /** As it is stored and handed on. */
  readonly bytes: Uint8Array
}

type ProofCodec = Pick<EntryCodec, 'open' | 'isSigned' | 'openProof' | 'sealProof'>

/**
 * For which place two entries of one author, taken together, say two things: they stand in the same place and differ, or the second
 * names another predecessor than the first, which stands there. Undefined when both may be of one history.
 */
function placeOf(first: Entry, second: Entry): ForkPlace | undefined {
  if (feedKey(first) !== feedKey(second)) return undefined
  const isSamePlace = first.seq === second.seq && first.hash !== second.hash
  const isOtherPast = second.seq === first.seq + 1 && second.prev !== first.hash
  const { node, incarnation, seq } = first
  return isSamePlace || isOtherPast ? { node, incarnation, seq } : undefined
}

/** The proof that two signed entries make, if they make one. */
export function proofOf(codec: ProofCodec, first: Received, second: Received): ForkProof | undefined {
  const place = placeOf(first.entry, second.entry)
  const isSigned = (one: Received): boolean => codec.isSigned(one.entry, one.bytes)
  if (place === undefined || !isSigned(first) || !isSigned(second)) return undefined
  return { place, pair: [first, second], bytes: codec.sealProof(first.bytes, second.bytes) }
}

/** What bytes from elsewhere prove, or why they prove nothing. The author's key is in its id: nothing else is needed. */
export function readProof(codec: ProofCodec, bytes: Uint8Array, meshId: MeshId): ForkProof | string {
  try {
    const [first, second] = codec
      .openProof(bytes)
      .map((one): Received => ({ entry: codec.open(one), bytes: one }))
    if (first?.entry.meshId !== meshId || second?.entry.meshId !== meshId) return 'another mesh'
    const proof = proofOf(codec, first, second)
    return proof === undefined ? 'the two entries prove nothing' : { ...proof, bytes }
  } catch (error) {
    return messageOf(error)
  }
}

/** Where feeds are cut: one place a feed, the lowest that was proven. */
export class ForkBook {
  readonly #places = new Map<string, ForkPlace>()

  /** The same objects as long as they stay the same. */
  all(): readonly ForkPlace[] {
    return [...this.#places.values()]
  }

  get(feed: FeedId): ForkPlace | undefined {
    return this.#places.get(feedKey(feed))
  }

  put(place: ForkPlace): void {
    this.#places.set(feedKey(place), place)
  }

  /** The place lies in what was cut off, or would be. */
  isCut(feed: FeedId & { readonly seq: number }): boolean {
    const place = this.get(feed)
    return place !== undefined && feed.seq >= place.seq
  }
}
