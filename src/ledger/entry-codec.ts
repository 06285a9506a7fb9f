import type { MeshId, Sha256 } from '../core/ids.ts'
import type { StoredEntry } from '../core/ports.ts'
import type { Entry, InviteTerms, JoinProof, MeshRecord } from '../core/record.ts'
import type { NodeId } from '../core/ids.ts'

/** Bytes ↔ entries and signatures, as the ledger needs them; wire/ implements it. */
export interface EntryCodec {
  /** Signs with this node's key. Throws when the records do not fit into one entry. */
  seal(draft: {
    readonly meshId: MeshId
    readonly incarnation: string
    readonly seq: number
    readonly prev: Sha256 | ''
    readonly records: readonly MeshRecord[]
  }): StoredEntry
  /** Throws when the bytes are no entry. */
  open(bytes: Uint8Array): Entry
  /** The bytes of each record of an entry that was opened before. */
  slices(bytes: Uint8Array): readonly Uint8Array[]
  /** A record from such bytes. */
  record(slice: Uint8Array): MeshRecord
  isSigned(entry: Entry, bytes: Uint8Array): boolean
  /** Two envelopes as one text of proof. */
  sealProof(first: Uint8Array, second: Uint8Array): Uint8Array
  /** Throws when the bytes are no two envelopes. */
  openProof(proof: Uint8Array): readonly [Uint8Array, Uint8Array]
  /** How many bytes a record takes in an entry. */
  sizeOf(record: MeshRecord): number
  /** The terms of a join proof whose signatures hold, else undefined. */
  checkJoin(subject: NodeId, proof: JoinProof): InviteTerms | undefined
}
