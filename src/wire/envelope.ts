import { sha256Hex } from '../core/digest.ts'
import { isNodeId, isSha256, parseMeshId, type MeshId, type Sha256 } from '../core/ids.ts'
import { MAX_ENTRY_BYTES, MAX_ENTRY_RECORDS } from '../core/limits.ts'
import type { Signer, StoredEntry, Verifier } from '../core/ports.ts'
import type { Entry, FeedId, MeshRecord } from '../core/record.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { readRecord } from './record-codec.ts'
import { recordSlices } from './record-slices.ts'
import { fields, integer, list, matching, parsed, type Shape } from './shape.ts'
import { WireError, malformed } from './wire-error.ts'

/*
 * An envelope is 64 bytes of signature, then the payload: a framing with one spelling only, so that nobody between author
 * and reader can make other bytes (and another hash) of the same signed payload. docs/protocol/records.md
 */

const SIGNATURE_BYTES = 64
const ENTRY_DOMAIN = 'commonwheel/1/entry'
const NO_ENTRY = ''

const incarnation: Shape<string> = (value, name) => {
  if (typeof value !== 'string' || !/^[0-9a-f]{16}$/.test(value))
    throw malformed(`${name} is not 16 hex digits`)
  return value
}

/** What goes into one entry of an own feed. */
export interface EntryDraft {
  readonly meshId: MeshId
  readonly incarnation: string
  readonly seq: number
  readonly prev: Sha256 | ''
  readonly records: readonly MeshRecord[]
}

/** Signs an entry. Throws WIRE_TOO_LARGE when its records do not fit. */
export function sealEntry(signer: Signer, draft: EntryDraft): StoredEntry {
  const { meshId, incarnation, seq, prev, records } = draft
  const payload = encodeCbor({ meshId, node: signer.nodeId, incarnation, seq, prev, records })
  const bytes = join(signer.sign(ENTRY_DOMAIN, payload), payload)
  if (bytes.byteLength > MAX_ENTRY_BYTES) {
    throw new WireError({ code: 'WIRE_TOO_LARGE', bytes: bytes.byteLength, maxBytes: MAX_ENTRY_BYTES })
  }
  return { node: signer.nodeId, incarnation, seq, hash: sha256Hex(bytes), bytes }
}

/** Decodes and shape-checks an entry; says nothing about its signature. Throws a WireError. */
export function openEntry(bytes: Uint8Array): Entry {
  if (bytes.byteLength > MAX_ENTRY_BYTES) {
    throw new WireError({ code: 'WIRE_TOO_LARGE', bytes: bytes.byteLength, maxBytes: MAX_ENTRY_BYTES })
  }
  if (bytes.byteLength <= SIGNATURE_BYTES) throw malformed('shorter than a signature')
  const map = fields(decodeCbor(bytes.subarray(SIGNATURE_BYTES), { maxBytes: MAX_ENTRY_BYTES }), 'entry')
  const prev = map['prev']
  if (prev !== NO_ENTRY && !isSha256(prev)) throw malformed('prev is not a sha256')
  return {
    meshId: parsed(parseMeshId)(map['meshId'], 'meshId'),
    node: matching(isNodeId, 'a node id')(map['node'], 'node'),
    incarnation: incarnation(map['incarnation'], 'incarnation'),
    seq: integer(1, Number.MAX_SAFE_INTEGER)(map['seq'], 'seq'),
    prev,
    records: list(MAX_ENTRY_RECORDS, readRecord)(map['records'], 'records'),
    hash: sha256Hex(bytes)
  }
}

/** The bytes of each record of an entry that was opened before. */
export function slicesOfEntry(bytes: Uint8Array): readonly Uint8Array[] {
  return recordSlices(bytes.subarray(SIGNATURE_BYTES))
}

/** A record from its bytes. Throws a WireError. */
export function openRecord(slice: Uint8Array): MeshRecord {
  return readRecord(decodeCbor(slice, { maxBytes: MAX_ENTRY_BYTES }))
}

export function isEntrySigned(verifier: Verifier, entry: FeedId, bytes: Uint8Array): boolean {
  const signature = bytes.subarray(0, SIGNATURE_BYTES)
  return verifier.verify(entry.node, ENTRY_DOMAIN, bytes.subarray(SIGNATURE_BYTES), signature)
}

/** Signs a gossip message of some other kind; the receiver names the same domain. */
export function sealMessage(signer: Signer, domain: string, message: object): Uint8Array {
  const payload = encodeCbor({ ...message, from: signer.nodeId })
  return join(signer.sign(domain, payload), payload)
}

/** The map inside a signed gossip message, `from` being its verified author. Throws a WireError. */
export function openMessage(
  verifier: Verifier,
  domain: string,
  bytes: Uint8Array,
  maxBytes: number
): Readonly<Record<string, unknown>> {
  if (bytes.byteLength <= SIGNATURE_BYTES) throw malformed('shorter than a signature')
  const payload = bytes.subarray(SIGNATURE_BYTES)
  const map = fields(decodeCbor(payload, { maxBytes }), 'message')
  const from = matching(isNodeId, 'a node id')(map['from'], 'from')
  if (!verifier.verify(from, domain, payload, bytes.subarray(0, SIGNATURE_BYTES))) {
    throw new WireError({ code: 'WIRE_BAD_SIGNATURE', node: from })
  }
  return map
}

function join(signature: Uint8Array, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(signature.byteLength + payload.byteLength)
  bytes.set(signature)
  bytes.set(payload, signature.byteLength)
  return bytes
}
