import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { GOSSIPED, type CoordinationMessage } from '../../src/core/coordination.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { MeshId, NodeId } from '../../src/core/ids.ts'
import type { JoinProof, MeshRecord } from '../../src/core/record.ts'
import { decodeCbor, encodeCbor } from '../../src/wire/cbor.ts'
import {
  decodeCoordination,
  encodeCoordination,
  openCoordination,
  sealCoordination
} from '../../src/wire/coordination-codec.ts'
import { isEntrySigned, openEntry, sealEntry, type EntryDraft } from '../../src/wire/envelope.ts'
import { openGenesis } from '../../src/wire/genesis.ts'
import { checkJoinProof, formatTicket, parseTicket, proveJoin, termsOf } from '../../src/wire/invite.ts'
import { createSigner, createVerifier, publicKeyOfSeed } from '../../src/wire/keys.ts'
import { readRecord } from '../../src/wire/record-codec.ts'
import { wireVectors } from '../vectors/generate-wire.ts'

/* A failure here means that other nodes no longer understand this one. The cure is hardly ever to make new vectors. */

interface Refused {
  readonly name: string
  readonly cbor: string
  readonly code: string
}

interface RecordVectors {
  readonly records: readonly { readonly name: string; readonly record: object; readonly cbor: string }[]
  readonly refused: readonly Refused[]
}

interface EnvelopeVectors {
  readonly domain: string
  readonly seed: string
  readonly publicKey: string
  readonly node: NodeId
  readonly entries: readonly {
    readonly name: string
    readonly entry: EntryDraft & { readonly node: NodeId }
    readonly bytes: string
    readonly hash: string
  }[]
  readonly unsigned: readonly { readonly name: string; readonly bytes: string }[]
}

interface InviteVectors {
  readonly genesis: string
  readonly meshId: MeshId
  readonly issuer: { readonly seed: string; readonly node: NodeId }
  readonly inviteSeed: string
  readonly terms: object
  readonly ticket: string
  readonly subject: NodeId
  readonly proof: object
  readonly refused: readonly {
    readonly name: string
    readonly meshId: MeshId
    readonly subject: NodeId
    readonly proof: object
  }[]
}

interface CoordinationVectors {
  readonly meshId: MeshId
  readonly author: { readonly seed: string; readonly node: NodeId }
  readonly messages: readonly {
    readonly message: CoordinationMessage
    readonly cbor: string
    readonly gossiped?: string
  }[]
  readonly refused: readonly Refused[]
}

const recordVectors = vectorsOf('records.json') as RecordVectors
const envelopeVectors = vectorsOf('envelope.json') as EnvelopeVectors
const inviteVectors = vectorsOf('invite.json') as InviteVectors
const coordinationVectors = vectorsOf('coordination.json') as CoordinationVectors
const verifier = createVerifier()
const limits = { maxBytes: 65_536 }

/** Names every kind, so that a new one without a vector does not compile, or fails. */
const RECORD_KINDS: Readonly<Record<Exclude<MeshRecord['kind'], 'unknown'>, true>> = {
  genesis: true,
  admit: true,
  node: true,
  want: true,
  unwant: true,
  skip: true,
  unskip: true,
  observed: true,
  result: true,
  retract: true,
  lost: true,
  found: true,
  attest: true,
  revoke: true,
  checkpoint: true
}

const MESSAGE_KINDS: Readonly<Record<CoordinationMessage['kind'], true>> = {
  beat: true,
  ack: true,
  nack: true,
  'pre-vote': true,
  'pre-vote-answer': true,
  prepare: true,
  promise: true,
  refuse: true,
  'hand-over': true,
  request: true,
  grant: true,
  'no-grant': true,
  'note-claim': true,
  'claim-noted': true,
  progress: true,
  'progress-noted': true,
  'give-up': true,
  claimed: true,
  presence: true
}

describe('records', () => {
  test.for(recordVectors.records)('$name', ({ record, cbor }) => {
    const known = valueOf(record) as { readonly kind: string }
    const read = readRecord(decodeCbor(bytesOf(cbor), limits))
    expect(read).toEqual(
      Object.hasOwn(RECORD_KINDS, known.kind) ? known : { kind: 'unknown', name: known.kind }
    )
    expect(hexOf(encodeCbor(known))).toBe(cbor)
  })

  test('every kind has a vector', () => {
    const kinds = new Set(recordVectors.records.map(({ record }) => (record as MeshRecord).kind as string))
    expect([...kinds].filter((kind) => kind !== 'from-the-future').sort()).toEqual(
      Object.keys(RECORD_KINDS).sort()
    )
  })

  test.for(recordVectors.refused)('refused: $name', ({ cbor, code }) => {
    expect(() => readRecord(decodeCbor(bytesOf(cbor), limits))).toThrow(expect.objectContaining({ code }))
  })
})

describe('envelopes', () => {
  test.for(envelopeVectors.entries)('$name', ({ entry, bytes, hash }) => {
    const opened = openEntry(bytesOf(bytes))
    expect(opened).toEqual({ ...(valueOf(entry) as object), hash })
    expect(isEntrySigned(verifier, opened, bytesOf(bytes))).toBe(true)
    expect(sha256Hex(bytesOf(bytes))).toBe(hash)
    const { node, ...draft } = entry
    const sealed = sealEntry(createSigner(bytesOf(envelopeVectors.seed)), draft)
    expect(sealed).toMatchObject({ node, hash })
    expect(hexOf(sealed.bytes)).toBe(bytes)
  })

  test('they form a chain, and a fork of it', () => {
    const [first, second, fork] = envelopeVectors.entries
    expect([second?.entry.prev, fork?.entry.prev]).toEqual([first?.hash, first?.hash])
    expect(second?.entry.seq).toBe(fork?.entry.seq)
    expect(second?.hash).not.toBe(fork?.hash)
  })

  test('the node id is made of the public key', () => {
    const seed = bytesOf(envelopeVectors.seed)
    expect(hexOf(publicKeyOfSeed(seed))).toBe(envelopeVectors.publicKey)
    expect(createSigner(seed).nodeId).toBe(envelopeVectors.node)
  })

  test('the signature stands over the domain, a zero byte and the payload', () => {
    const bytes = bytesOf(envelopeVectors.entries[0]?.bytes ?? '')
    const { domain, node } = envelopeVectors
    expect(verifier.verify(node, domain, bytes.subarray(64), bytes.subarray(0, 64))).toBe(true)
  })

  test.for(envelopeVectors.unsigned)('not signed: $name', ({ bytes }) => {
    let signed = false
    try {
      signed = isEntrySigned(verifier, openEntry(bytesOf(bytes)), bytesOf(bytes))
    } catch (error) {
      expect(error).toMatchObject({ code: 'WIRE_MALFORMED' })
    }
    expect(signed).toBe(false)
  })
})

describe('invitations', () => {
  const { meshId, subject } = inviteVectors

  test('the genesis names the mesh', () => {
    expect(openGenesis(bytesOf(inviteVectors.genesis)).meshId).toBe(meshId)
  })

  test('the ticket', () => {
    const ticket = parseTicket(inviteVectors.ticket)
    expect(ticket.issuer).toBe(inviteVectors.issuer.node)
    expect(hexOf(ticket.seed)).toBe(inviteVectors.inviteSeed)
    expect(termsOf(ticket)).toEqual(valueOf(inviteVectors.terms))
    expect(formatTicket(ticket)).toBe(inviteVectors.ticket)
    const made = encodeCbor(proveJoin(ticket, subject))
    expect(hexOf(made)).toBe(hexOf(encodeCbor(proofOf(inviteVectors.proof))))
  })

  test('its proof holds', () => {
    const terms = checkJoinProof(verifier, meshId, subject, proofOf(inviteVectors.proof))
    expect(terms).toEqual(valueOf(inviteVectors.terms))
  })

  test.for(inviteVectors.refused)('refused: $name', ({ meshId, subject, proof }) => {
    expect(checkJoinProof(verifier, meshId, subject, proofOf(proof))).toBeUndefined()
  })
})

describe('coordination', () => {
  const { meshId, author } = coordinationVectors

  test.for(coordinationVectors.messages)('$message.kind', ({ message, cbor, gossiped }) => {
    expect(decodeCoordination(bytesOf(cbor))).toEqual(message)
    expect(hexOf(encodeCoordination(message))).toBe(cbor)
    expect(gossiped !== undefined).toBe(GOSSIPED.has(message.kind))
    if (gossiped === undefined) return
    const opened = openCoordination(verifier, meshId, bytesOf(gossiped))
    expect(opened).toEqual({ from: author.node, message })
    expect(hexOf(sealCoordination(createSigner(bytesOf(author.seed)), meshId, message))).toBe(gossiped)
  })

  test('every kind has a vector', () => {
    const kinds = new Set(coordinationVectors.messages.map(({ message }) => message.kind))
    expect([...kinds].sort()).toEqual(Object.keys(MESSAGE_KINDS).sort())
  })

  test('a signature for another mesh does not hold', () => {
    const [{ gossiped = '' } = {}] = coordinationVectors.messages
    const other = sha256Hex('another mesh')
    expect(() => openCoordination(verifier, other, bytesOf(gossiped))).toThrow(
      expect.objectContaining({ code: 'WIRE_BAD_SIGNATURE' })
    )
  })

  test.for(coordinationVectors.refused)('refused: $name', ({ cbor, code }) => {
    expect(() => decodeCoordination(bytesOf(cbor))).toThrow(expect.objectContaining({ code }))
  })
})

test.for(Object.entries(wireVectors()))('the script still makes %s as it lies there', ([name, content]) => {
  const { about, ...lying } = vectorsOf(name) as Readonly<Record<string, unknown>>
  expect(about).toMatch(/generate-wire/)
  expect(content).toEqual(lying)
})

function vectorsOf(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'))
}

function proofOf(json: object): JoinProof {
  return valueOf(json) as JoinProof
}

/** What JSON stands for: `{ "hex": "…" }` is a byte string. */
function valueOf(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(valueOf)
  if (typeof json !== 'object' || json === null) return json
  const entries = Object.entries(json)
  const [first] = entries
  if (entries.length === 1 && first?.[0] === 'hex') return bytesOf(String(first[1]))
  return Object.fromEntries(entries.map(([key, one]) => [key, valueOf(one)]))
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
