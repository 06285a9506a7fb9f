import { MAX_ENTRY_BYTES, MAX_PROOF_BYTES } from '../core/limits.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { bytes, fields } from './shape.ts'

/** Two envelopes side by side: what proves that their author wrote two histories. docs/protocol/records.md#equivocation */
export function sealProof(first: Uint8Array, second: Uint8Array): Uint8Array {
  return encodeCbor({ first, second })
}

/** The envelopes of a proof; says nothing about whether it proves anything. Throws a WireError. */
export function openProof(proof: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const map = fields(decodeCbor(proof, { maxBytes: MAX_PROOF_BYTES }), 'proof')
  const envelope = bytes(1, MAX_ENTRY_BYTES)
  return [envelope(map['first'], 'first'), envelope(map['second'], 'second')]
}
