import { sha256Hex } from '../core/digest.ts'
import type { MeshId } from '../core/ids.ts'
import type { GenesisRecord } from '../core/record.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { readRecord } from './record-codec.ts'
import { malformed } from './wire-error.ts'

/** A genesis is some 300 bytes, more with many roots. */
const MAX_GENESIS_BYTES = 8 * 1024

export interface SealedGenesis {
  readonly meshId: MeshId
  readonly genesis: GenesisRecord
  readonly bytes: Uint8Array
}

export function sealGenesis(genesis: GenesisRecord): SealedGenesis {
  return openGenesis(encodeCbor(genesis))
}

/** Decodes a genesis; the mesh id is the digest of exactly these bytes. Throws a WireError. */
export function openGenesis(bytes: Uint8Array): SealedGenesis {
  const genesis = readRecord(decodeCbor(bytes, { maxBytes: MAX_GENESIS_BYTES }))
  if (genesis.kind !== 'genesis') throw malformed('not a genesis')
  return { meshId: sha256Hex(bytes) as unknown as MeshId, genesis, bytes: Uint8Array.from(bytes) }
}
