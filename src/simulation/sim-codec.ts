import { sha256Hex } from '../core/digest.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import type { StoredEntry } from '../core/ports.ts'
import type { Entry, InviteTerms, MeshRecord } from '../core/record.ts'
import type { EntryCodec } from '../ledger/entry-codec.ts'

/** A result record as it is on the wire, on average; the ledger closes its batches by such sizes. */
const RECORD_BYTES = 500
const NUMBER_BYTES = 4

/**
 * Entries that are passed from hand to hand instead of being encoded: their bytes are their number. Signing and CBOR are
 * tested elsewhere; here they would only take time.
 */
export class EntryRegistry {
  readonly #entries: Entry[] = []

  codecOf(node: NodeId, terms: InviteTerms): EntryCodec {
    return {
      seal: (draft) => this.#seal(node, draft),
      open: (bytes) => this.open(bytes),
      slices: (bytes) => this.#slices(bytes),
      record: (slice) => this.#record(slice),
      isSigned: () => true,
      sealProof: (first, second) => Uint8Array.of(...first, ...second),
      openProof: (proof) => [proof.slice(0, NUMBER_BYTES), proof.slice(NUMBER_BYTES)],
      sizeOf: () => RECORD_BYTES,
      checkJoin: () => terms
    }
  }

  open(bytes: Uint8Array): Entry {
    const entry = this.#entries[new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)]
    if (entry === undefined) throw new TypeError('these bytes are no entry')
    return entry
  }

  /** A record's bytes: the number of its entry, and its own. */
  #slices(bytes: Uint8Array): readonly Uint8Array[] {
    return this.open(bytes).records.map((_record, index) => {
      const slice = new Uint8Array(6)
      slice.set(bytes)
      slice[5] = index
      return slice
    })
  }

  #record(slice: Uint8Array): MeshRecord {
    const entry = this.open(slice)
    const record = entry.records[slice[5] ?? 0]
    if (record === undefined) throw new TypeError('these bytes are no record')
    return record
  }

  #seal(
    node: NodeId,
    draft: Omit<Entry, 'node' | 'hash' | 'records'> & { records: readonly MeshRecord[] }
  ): StoredEntry {
    const bytes = new Uint8Array(NUMBER_BYTES)
    const number = this.#entries.length
    new DataView(bytes.buffer).setUint32(0, number)
    const hash: Sha256 = sha256Hex(`${node} ${draft.incarnation} ${draft.seq} ${draft.prev} ${number}`)
    this.#entries.push({ ...draft, node, hash })
    return { node, incarnation: draft.incarnation, seq: draft.seq, hash, bytes }
  }
}
