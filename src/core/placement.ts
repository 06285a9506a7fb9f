import { sha256Hex } from './digest.ts'
import type { NodeId, Sha256 } from './ids.ts'

/** A member that may hold copies. */
export interface Keeper {
  readonly node: NodeId
  /** It takes new ones. One without keeps what it has. */
  readonly room: boolean
}

/** What a node owes to one blob. */
export type Duty =
  | { readonly kind: 'none' }
  | { readonly kind: 'hold' }
  /** It holds a copy unless at least `enough` of these do: members without room that come before it. */
  | { readonly kind: 'spare'; readonly enough: number; readonly instead: readonly NodeId[] }

const NONE: Duty = { kind: 'none' }
const HOLD: Duty = { kind: 'hold' }

interface Seeded extends Keeper {
  readonly high: number
  readonly low: number
}

/**
 * Which members hold which blob: the first `replication` with room in the blob's own order of all members (rendezvous hashing,
 * highest random weight). A member that comes or goes changes nothing for blobs of which it is not among the first.
 *
 * Not core/rendezvous.ts: a walk over a million results asks some 100 million times, and SHA-256 takes a microsecond.
 * docs/protocol/replication.md#placement has the function.
 */
export class Placement {
  readonly replication: number
  readonly #keepers: ReadonlyMap<NodeId, Seeded>

  constructor(keepers: readonly Keeper[], replication: number) {
    this.replication = replication
    this.#keepers = new Map(keepers.map((keeper) => [keeper.node, { ...keeper, ...seedOf(keeper.node) }]))
  }

  /** The same members with the same room. */
  isOf(keepers: readonly Keeper[]): boolean {
    return (
      keepers.length === this.#keepers.size &&
      keepers.every(({ node, room }) => this.#keepers.get(node)?.room === room)
    )
  }

  nodes(): readonly NodeId[] {
    return [...this.#keepers.keys()]
  }

  /** Members in the order in which they are to hold a blob, with or without room. */
  order(key: Sha256): readonly NodeId[] {
    const [high, low] = wordsOf(key)
    return [...this.#keepers.values()]
      .map((keeper) => ({ node: keeper.node, weight: weightOf(keeper, high, low) }))
      .sort((a, b) => a.weight - b.weight || (a.node < b.node ? -1 : 1))
      .map(({ node }) => node)
  }

  /** Those that are to hold a blob: distinct, with room, as many as there are up to `replication`. */
  holders(key: Sha256): readonly NodeId[] {
    return this.order(key)
      .filter((node) => this.hasRoom(node))
      .slice(0, this.replication)
  }

  hasRoom(node: NodeId): boolean {
    return this.#keepers.get(node)?.room === true
  }

  /** What `self` owes to a blob; nothing when it has no room itself. */
  dutyOf(self: NodeId, key: Sha256): Duty {
    const me = this.#keepers.get(self)
    if (me?.room !== true) return NONE
    const [high, low] = wordsOf(key)
    const mine = weightOf(me, high, low)
    const full: NodeId[] = []
    let before = 0
    for (const keeper of this.#keepers.values()) {
      const weight = weightOf(keeper, high, low)
      if (weight > mine || (weight === mine && keeper.node >= self)) continue
      if (!keeper.room) full.push(keeper.node)
      else if (++before >= this.replication) return NONE
    }
    const enough = this.replication - before
    return full.length < enough ? HOLD : { kind: 'spare', enough, instead: full }
  }

  /** Among the first that are to hold it, whether it has room or not. */
  isAmongFirst(self: NodeId, key: Sha256): boolean {
    const me = this.#keepers.get(self)
    if (me === undefined) return false
    const [high, low] = wordsOf(key)
    const mine = weightOf(me, high, low)
    let before = 0
    for (const keeper of this.#keepers.values()) {
      if (!keeper.room || keeper.node === self) continue
      const weight = weightOf(keeper, high, low)
      if ((weight < mine || (weight === mine && keeper.node < self)) && ++before >= this.replication)
        return false
    }
    return true
  }

  /**
   * The others that are to hold a blob as long as `self` holds it, whether it has room or not: what must be confirmed before it
   * drops its copy. All `replication` of them when it is not among the first.
   */
  othersBeside(self: NodeId, key: Sha256): readonly NodeId[] {
    return this.order(key)
      .filter((node) => node === self || this.hasRoom(node))
      .slice(0, this.replication)
      .filter((node) => node !== self)
  }
}

function seedOf(node: NodeId): { readonly high: number; readonly low: number } {
  const [high, low] = wordsOf(sha256Hex(node))
  return { high, low }
}

/** The first two words of a digest, big-endian. */
function wordsOf(digest: Sha256): readonly [high: number, low: number] {
  return [parseInt(digest.slice(0, 8), 16), parseInt(digest.slice(8, 16), 16)]
}

/** Lowest first. Both sides are digests: what is mixed is random already, only their pairing is to be. */
function weightOf(node: { readonly high: number; readonly low: number }, high: number, low: number): number {
  return mix(mix(node.high ^ high) ^ node.low ^ low)
}

/** The finaliser of MurmurHash3 (32 bit). */
function mix(word: number): number {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
