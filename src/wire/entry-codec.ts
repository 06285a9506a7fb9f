import type { Signer, Verifier } from '../core/ports.ts'
import type { InviteTerms, JoinProof, MeshRecord, Entry } from '../core/record.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import type { StoredEntry } from '../core/ports.ts'
import { encodeCbor } from './cbor.ts'
import {
  isEntrySigned,
  openEntry,
  openRecord,
  sealEntry,
  slicesOfEntry,
  type EntryDraft
} from './envelope.ts'
import { checkJoinProof } from './invite.ts'
import { openProof, sealProof } from './proof.ts'

/** Everything about entries as bytes, for one mesh and one key: what the ledger takes as its codec. */
export function createEntryCodec(
  meshId: MeshId,
  signer: Signer,
  verifier: Verifier
): {
  seal(draft: EntryDraft): StoredEntry
  open(bytes: Uint8Array): Entry
  slices(bytes: Uint8Array): readonly Uint8Array[]
  record(slice: Uint8Array): MeshRecord
  isSigned(entry: Entry, bytes: Uint8Array): boolean
  sealProof(first: Uint8Array, second: Uint8Array): Uint8Array
  openProof(proof: Uint8Array): readonly [Uint8Array, Uint8Array]
  sizeOf(record: MeshRecord): number
  checkJoin(subject: NodeId, proof: JoinProof): InviteTerms | undefined
} {
  return {
    seal: (draft) => sealEntry(signer, draft),
    open: openEntry,
    slices: slicesOfEntry,
    record: openRecord,
    isSigned: (entry, bytes) => isEntrySigned(verifier, entry, bytes),
    sealProof,
    openProof,
    sizeOf: (record) => encodeCbor(record).byteLength,
    checkJoin: (subject, proof) => checkJoinProof(verifier, meshId, subject, proof)
  }
}
