import { sha256Hex } from '../../src/core/digest.ts'
import type { MeshId, NodeId } from '../../src/core/ids.ts'
import type { FeedHead, StoredEntry } from '../../src/core/ports.ts'
import type { FeedId, JoinProof } from '../../src/core/record.ts'
import { decodeCbor, encodeCbor } from '../../src/wire/cbor.ts'
import type { MembershipLink } from '../../src/gossip/door-messages.ts'
import type { Door } from '../../src/gossip/door-ports.ts'
import type { SyncSource } from '../../src/gossip/sync-ports.ts'

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
  /** How often somebody, this node's sync client included, asked for the heads. */
  headsAsked = 0

  heads(): readonly FeedHead[] {
    this.headsAsked += 1
    return [...this.entries.values()].flatMap((feed) => {
      const last = feed[feed.length - 1]
      return last === undefined ? [] : [{ ...last }]
    })
  }

  async *range(feed: FeedId, fromSeq: number): AsyncIterable<StoredEntry> {
    yield* (this.entries.get(`${feed.node}/${feed.incarnation}`) ?? []).slice(fromSeq - 1)
  }

  async admitRange(
    entries: readonly { readonly bytes: Uint8Array }[]
  ): Promise<{ readonly accepted: number }> {
    let accepted = 0
    for (const { bytes } of entries) {
      const entry = decodeCbor(bytes, { maxBytes: 64 * 1024 }) as FakeEntry
      const feed = this.entries.get(`${entry.node}/${entry.incarnation}`) ?? []
      const prev = feed[entry.seq - 2]?.hash ?? ''
      const held = feed[entry.seq - 1]
      if (held !== undefined && held.hash === sha256Hex(bytes)) {
        accepted += 1
        continue
      }
      if (this.refusedNodes.has(entry.node) || entry.seq !== feed.length + 1 || entry.prev !== prev) break
      this.#keep(entry, bytes)
      accepted += 1
    }
    return { accepted }
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
