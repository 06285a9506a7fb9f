import type { FeedHead, EntryStore, ForkPlace, Log } from '../core/ports.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import type { AdmitRecord, FeedId } from '../core/record.ts'
import type { EntryCodec } from './entry-codec.ts'
import { ForkBook, proofOf, readProof, type ForkProof } from './equivocation.ts'
import { headOf, refused, type Admission, type Received } from './received.ts'

/** A feed that was cut. */
export interface FeedFork {
  readonly place: ForkPlace
  /** The last entry that stayed. */
  readonly head: FeedHead | undefined
  /** Entries that were taken away: what was made of them is to be made anew. */
  readonly removed: number
  /** Who was let in by records among them; their proofs hold without the author of these. */
  readonly admitted: readonly AdmitRecord[]
}

export interface ForkJudgeParts {
  readonly store: Pick<EntryStore, 'range' | 'forks' | 'proof' | 'cut'>
  readonly codec: EntryCodec
  readonly log: Log
  wasAdmitted(node: NodeId): boolean
  headOf(feed: FeedId): FeedHead | undefined
  /** The store has cut the feed. */
  onCut(fork: FeedFork): Promise<void>
}

const FORK: Admission = { kind: 'fork' }

/**
 * Finds out who signed two histories, keeps the proofs, and cuts the feeds where they part. All of it runs in the ledger's turn.
 * Spec: docs/protocol/records.md#equivocation
 */
export class ForkJudge {
  readonly #parts: ForkJudgeParts
  readonly #meshId: MeshId
  readonly #book = new ForkBook()

  constructor(parts: ForkJudgeParts, meshId: MeshId) {
    this.#parts = parts
    this.#meshId = meshId
  }

  /** What is known from earlier runs; nothing is taken away for it now. */
  async load(): Promise<readonly FeedFork[]> {
    const places = await this.#parts.store.forks()
    for (const place of places) this.#book.put(place)
    return places.map((place) => ({ place, head: this.#parts.headOf(place), removed: 0, admitted: [] }))
  }

  places(): readonly ForkPlace[] {
    return this.#book.all()
  }

  /** The place lies in what was cut off. */
  isCut(place: FeedId & { readonly seq: number }): boolean {
    return this.#book.isCut(place)
  }

  async admitProof(bytes: Uint8Array): Promise<Admission> {
    const proof = readProof(this.#parts.codec, bytes, this.#meshId)
    if (typeof proof === 'string') return refused(proof)
    if (!this.#parts.wasAdmitted(proof.place.node)) return { kind: 'not-a-member' }
    if (this.#book.isCut(proof.place)) return { kind: 'known' }
    await this.#convict(proof)
    return { kind: 'accepted' }
  }

  /** Entries whose places are taken here, of a range that was received: undefined when they are the same ones. */
  async judgeKnown(
    known: readonly Received[],
    received: readonly Received[]
  ): Promise<Admission | undefined> {
    const [first] = known
    if (first === undefined) return undefined
    let at = 0
    for await (const held of this.#stored(first.entry, first.entry.seq, first.entry.seq + known.length - 1)) {
      const other = known[at++]
      if (other !== undefined && other.entry.hash !== held.entry.hash)
        return this.#judgeTwo(held, other, received[received.indexOf(other) + 1])
    }
    return undefined
  }

  /** A signed range that does not go on from the head. */
  async judgeNext(head: FeedHead, next: Received): Promise<Admission> {
    const held = await this.#entryAt(head, head.seq)
    return held === undefined ? FORK : this.#convictIf(proofOf(this.#parts.codec, held, next))
  }

  /** A feed has grown up to where it is cut: the proof may part from it earlier than it says. */
  async judgeHead(head: FeedHead): Promise<void> {
    const place = this.#book.get(head)
    if (place?.seq !== head.seq + 1) return
    const bytes = await this.#parts.store.proof(head)
    const proof = bytes && readProof(this.#parts.codec, bytes, this.#meshId)
    const held = await this.#entryAt(head, head.seq)
    if (held === undefined || proof === undefined || typeof proof === 'string') return
    const earlier = this.#earlier(held, proof)
    if (earlier !== undefined) await this.#convict(earlier)
  }

  /** Two entries for one place. Not each has to be signed: a chain vouches for those before its end, whatever stands in them. */
  async #judgeTwo(held: Received, other: Received, afterOther: Received | undefined): Promise<Admission> {
    const { codec } = this.#parts
    const afterHeld = await this.#entryAt(held.entry, held.entry.seq + 1)
    const proof =
      proofOf(codec, held, other) ??
      (afterOther && proofOf(codec, held, afterOther)) ??
      (afterHeld && proofOf(codec, other, afterHeld))
    if (proof !== undefined) return this.#convictIf(proof)
    return refused('bad signature')
  }

  async #convictIf(proof: ForkProof | undefined): Promise<Admission> {
    if (proof !== undefined) await this.#convict(proof)
    return FORK
  }

  async #convict(proof: ForkProof): Promise<void> {
    const { place, bytes } = proof
    const head = this.#parts.headOf(place)
    const last = await this.#lastSigned(place, Math.min(place.seq - 1, seqOf(head)))
    const earlier = last === undefined ? undefined : this.#earlier(last, proof)
    if (earlier !== undefined) {
      await this.#convict(earlier)
      return
    }
    const kept = last && headOf(last.entry)
    const removed = seqOf(head) - seqOf(kept)
    const admitted = await this.#admissionsAfter(place, seqOf(kept))
    await this.#parts.store.cut({ place, proof: bytes, head: kept })
    this.#book.put(place)
    const facts = { node: place.node, incarnation: place.incarnation, seq: place.seq, removed }
    this.#parts.log.error(
      'a node signed two histories; it is no member any more, and its feed ends there',
      facts
    )
    await this.#parts.onCut({ place, head: kept, removed, admitted })
  }

  /** The proof that follows when the entry before the place is not the one that an entry of the proof goes on from. */
  #earlier(last: Received, { place, pair }: ForkProof): ForkProof | undefined {
    if (last.entry.seq !== place.seq - 1) return undefined
    for (const one of pair) {
      const found = one.entry.seq === place.seq ? proofOf(this.#parts.codec, last, one) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }

  /** With its end cut off, an entry that is not signed itself has nobody left to vouch for it. */
  async #lastSigned(feed: FeedId, from: number): Promise<Received | undefined> {
    for (let seq = from; seq > 0; seq--) {
      const found = await this.#entryAt(feed, seq)
      if (found !== undefined && this.#parts.codec.isSigned(found.entry, found.bytes)) return found
    }
    return undefined
  }

  async #admissionsAfter(feed: FeedId, seq: number): Promise<readonly AdmitRecord[]> {
    const found: AdmitRecord[] = []
    for await (const { entry } of this.#stored(feed, seq + 1))
      for (const record of entry.records) if (record.kind === 'admit') found.push(record)
    return found
  }

  async #entryAt(feed: FeedId, seq: number): Promise<Received | undefined> {
    for await (const found of this.#stored(feed, seq, seq)) return found
    return undefined
  }

  async *#stored({ node, incarnation }: FeedId, fromSeq: number, toSeq?: number): AsyncIterable<Received> {
    const { store, codec } = this.#parts
    for await (const { bytes } of store.range({ node, incarnation }, fromSeq, toSeq))
      yield { entry: codec.open(bytes), bytes }
  }
}

function seqOf(head: FeedHead | undefined): number {
  return head?.seq ?? 0
}
