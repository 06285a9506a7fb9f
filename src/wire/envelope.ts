import { sha256Hex } from '../core/digest.ts'
import { isNodeId, isSha256, parseMeshId, type MeshId, type Sha256 } from '../core/ids.ts'
import { MAX_ENTRY_BYTES, MAX_ENTRY_RECORDS } from '../core/limits.ts'
import type { Signer, StoredEntry, Verifier } from '../core/ports.ts'
import type { Entry, FeedId, MeshRecord } from '../core/record.ts'
import { decodeCbor, decodeScanned, encodeCbor } from './cbor.ts'
import { readRecord } from './record-codec.ts'
import { partsOfPayload, recordSlices } from './record-slices.ts'
import { ResultReader } from './result-reader.ts'
import { scanCbor } from './scan-cbor.ts'
import { fields, integer, matching, parsed, type Shape } from './shape.ts'
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
  const payload = bytes.subarray(SIGNATURE_BYTES)
  scanCbor(payload)
  const parts = partsOfPayload(payload)
  const field = (name: string): unknown => {
    const value = parts.fields.get(name)
    return value && decodeScanned(value)
  }
  const prev = field('prev')
  if (prev !== NO_ENTRY && !isSha256(prev)) throw malformed('prev is not a sha256')
  const entry: Entry = {
    meshId: parsed(parseMeshId)(field('meshId'), 'meshId'),
    node: matching(isNodeId, 'a node id')(field('node'), 'node'),
    incarnation: incarnation(field('incarnation'), 'incarnation'),
    seq: integer(1, Number.MAX_SAFE_INTEGER)(field('seq'), 'seq'),
    prev,
    records: readRecords(payload, parts.records),
    hash: sha256Hex(bytes)
  }
  slicesOf.set(bytes, parts.records ?? [])
  return entry
}

function readRecords(payload: Uint8Array, slices: readonly Uint8Array[] | undefined): readonly MeshRecord[] {
  if (slices === undefined || slices.length > MAX_ENTRY_RECORDS)
    throw malformed(`records is not a list of at most ${MAX_ENTRY_RECORDS}`)
  const reader = new ResultReader(payload)
  return slices.map((slice) => {
    const plain = reader.read(slice.byteOffset - payload.byteOffset)
    return plain ?? readRecord(decodeScanned(slice))
  })
}

/** What taking an entry apart showed already, as long as somebody holds its bytes. */
const slicesOf = new WeakMap<Uint8Array, readonly Uint8Array[]>()

/** The bytes of each record of an entry that was opened before. */
export function slicesOfEntry(bytes: Uint8Array): readonly Uint8Array[] {
  return slicesOf.get(bytes) ?? recordSlices(bytes.subarray(SIGNATURE_BYTES))
}

/** A record from its bytes. Throws a WireError. */
export function openRecord(slice: Uint8Array): MeshRecord {
  if (slice.byteLength > MAX_ENTRY_BYTES) {
    throw new WireError({ code: 'WIRE_TOO_LARGE', bytes: slice.byteLength, maxBytes: MAX_ENTRY_BYTES })
  }
  scanCbor(slice)
  return new ResultReader(slice).read(0) ?? readRecord(decodeScanned(slice))
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
