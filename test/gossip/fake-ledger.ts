import { sha256Hex } from '../../src/core/digest.ts'
import { feedKey } from '../../src/core/feed-heads.ts'
import type { MeshId, NodeId } from '../../src/core/ids.ts'
import type { FeedHead, ForkPlace, StoredEntry } from '../../src/core/ports.ts'
import type { FeedId, JoinProof } from '../../src/core/record.ts'
import { decodeCbor, encodeCbor } from '../../src/wire/cbor.ts'
import type { MembershipLink } from '../../src/gossip/door-messages.ts'
import type { Door } from '../../src/gossip/door-ports.ts'
import type { ProofAdmission, RangeAdmission, SyncSource } from '../../src/gossip/sync-ports.ts'

export const GENESIS = new TextEncoder().encode('the genesis of a mesh for tests')
export const MESH_ID = sha256Hex(GENESIS) as unknown as MeshId

/** What the fake ledger takes for a valid invitation. */
export function aProof(issuer: NodeId, terms = 'come in'): JoinProof {
  return {
    terms: new TextEncoder().encode(terms),
    issuer,
    issuerSignature: new Uint8Array(64),
    subjectSignature: new Uint8Array(64)
  }
}

interface TwoEntries {
  readonly first: Uint8Array
  readonly second: Uint8Array
}

function readEntry(bytes: Uint8Array): FakeEntry | undefined {
  try {
    return decodeCbor(bytes, { maxBytes: 64 * 1024 }) as FakeEntry
  } catch {
    return undefined
  }
}

interface FakeEntry extends FeedId {
  readonly seq: number
  readonly prev: string
  readonly body: Uint8Array
}

/** Feeds and members in memory, with just enough rules to tell a good range from a bad one. */
export class FakeLedger implements SyncSource, Door {
  readonly members = new Set<NodeId>()
  readonly entries = new Map<string, StoredEntry[]>()
  accepts = false
  ownChain: readonly MembershipLink[] = []
  /** Feeds that are refused. */
  readonly refusedNodes = new Set<NodeId>()
  /** Where feeds are cut, and the two entries that prove it. */
  readonly cuts = new Map<string, ForkPlace & TwoEntries>()
  /** The lengths of all ranges that were handed in. */
  readonly ranges: number[] = []
  /** How often somebody, this node's sync client included, asked for the heads. */
  headsAsked = 0

  heads(): readonly FeedHead[] {
    this.headsAsked += 1
    return [...this.entries.values()].flatMap((feed) => {
      const last = feed[feed.length - 1]
      return last === undefined ? [] : [{ ...last }]
    })
  }

  async *range(feed: FeedId, fromSeq: number, toSeq?: number): AsyncIterable<StoredEntry> {
    yield* (this.entries.get(`${feed.node}/${feed.incarnation}`) ?? []).slice(fromSeq - 1, toSeq)
  }

  async admitRange(entries: readonly { readonly bytes: Uint8Array }[]): Promise<RangeAdmission> {
    this.ranges.push(entries.length)
    let accepted = 0
    for (const { bytes } of entries) {
      const stopped = this.#admit(bytes)
      if (stopped !== undefined) return { accepted, ...stopped }
      accepted += 1
    }
    return { accepted }
  }

  /** Undefined: it is held now. */
  #admit(bytes: Uint8Array): Omit<RangeAdmission, 'accepted'> | undefined {
    const entry = readEntry(bytes)
    if (entry === undefined) return { stopped: 'refused', why: 'no entry' }
    if (this.refusedNodes.has(entry.node)) return { stopped: 'later' }
    if (entry.seq >= (this.cuts.get(feedKey(entry))?.seq ?? Infinity)) return { stopped: 'fork' }
    const held = this.entries.get(feedKey(entry))?.[entry.seq - 1]
    if (held === undefined) return this.#extend(entry, bytes)
    if (held.hash === sha256Hex(bytes)) return undefined
    this.#cut({ first: held.bytes, second: bytes })
    return { stopped: 'fork' }
  }

  #extend(entry: FakeEntry, bytes: Uint8Array): Omit<RangeAdmission, 'accepted'> | undefined {
    const feed = this.entries.get(feedKey(entry)) ?? []
    if (entry.seq !== feed.length + 1) return { stopped: 'later' }
    if (entry.prev !== (feed.at(-1)?.hash ?? '')) return { stopped: 'fork' }
    this.#keep(entry, bytes)
    return undefined
  }

  proofs(): readonly ForkPlace[] {
    return [...this.cuts.values()]
  }

  async proof(feed: FeedId): Promise<Uint8Array | undefined> {
    const cut = this.cuts.get(feedKey(feed))
    return cut === undefined ? undefined : encodeCbor({ first: cut.first, second: cut.second })
  }

  async admitProof(bytes: Uint8Array): Promise<ProofAdmission> {
    const pair = decodeCbor(bytes, { maxBytes: 200_000 }) as TwoEntries
    return this.#cut(pair)
  }

  #cut({ first, second }: TwoEntries): ProofAdmission {
    const [one, two] = [readEntry(first), readEntry(second)]
    const isProof = one !== undefined && two !== undefined && feedKey(one) === feedKey(two)
    if (!isProof || one.seq !== two.seq || sha256Hex(first) === sha256Hex(second)) return 'refused'
    const key = feedKey(one)
    if ((this.cuts.get(key)?.seq ?? Infinity) <= one.seq) return 'known'
    const { node, incarnation, seq } = one
    this.cuts.set(key, { node, incarnation, seq, first, second })
    const rest = this.entries.get(key)?.slice(0, seq - 1) ?? []
    if (rest.length > 0) this.entries.set(key, rest)
    else this.entries.delete(key)
    return 'accepted'
  }

  /** Writes to a feed, as if it were the own one. */
  append(node: NodeId, body: Uint8Array = new Uint8Array(8), incarnation = '0'.repeat(16)): Uint8Array {
    const feed = this.entries.get(`${node}/${incarnation}`) ?? []
    const prev = feed[feed.length - 1]?.hash ?? ''
    const entry = { node, incarnation, seq: feed.length + 1, prev, body }
    const bytes = encodeCbor(entry)
    this.#keep(entry, bytes)
    return bytes
  }

  count(): number {
    return [...this.entries.values()].reduce((sum, feed) => sum + feed.length, 0)
  }

  describe(): ReturnType<Door['describe']> {
    return { meshId: MESH_ID, name: 'test mesh', accepts: this.accepts, genesis: GENESIS }
  }

  async admit(from: NodeId, chain: readonly MembershipLink[]): ReturnType<Door['admit']> {
    const last = chain[chain.length - 1]
    const terms = new TextDecoder().decode(last?.proof.terms)
    if (last?.subject !== from || terms !== 'come in') return { refused: 'this invitation has expired' }
    this.members.add(from)
    return 'welcome'
  }

  async offer(from: NodeId): ReturnType<Door['offer']> {
    this.members.add(from)
    return { proof: aProof(from) }
  }

  chain(): readonly MembershipLink[] {
    return this.ownChain
  }

  #keep(entry: FakeEntry, bytes: Uint8Array): void {
    const { node, incarnation, seq } = entry
    const key = `${node}/${incarnation}`
    const feed = this.entries.get(key) ?? []
    feed.push({ node, incarnation, seq, hash: sha256Hex(bytes), bytes })
    this.entries.set(key, feed)
  }
}
