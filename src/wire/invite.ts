import { Buffer } from 'node:buffer'
import { isNodeId, type MeshId, type NodeId } from '../core/ids.ts'
import type { InviteTerms, JoinProof } from '../core/record.ts'
import type { Signer, Verifier } from '../core/ports.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { publicKeyOfSeed, signWithSeed, verifyRaw } from './keys.ts'
import { readInviteTerms } from './record-codec.ts'
import { bytes, fields, list, matching, text } from './shape.ts'
import { malformed } from './wire-error.ts'

/*
 * An inviter signs terms that name a fresh invite key; whoever has the invite key's seed (the ticket) signs the newcomer's
 * id with it. Any member can check both without asking the inviter. docs/protocol/membership.md
 */

const TERMS_DOMAIN = 'commonwheel/1/invite-terms'
const JOIN_DOMAIN = 'commonwheel/1/join'
const TICKET_PREFIX = 'commonwheel1:'
const MAX_TICKET_BYTES = 4096

/** One string that lets its bearer in, while its issuer is away too. */
export interface Ticket {
  readonly terms: Uint8Array
  readonly issuer: NodeId
  readonly issuerSignature: Uint8Array
  /** Seed of the invite key. */
  readonly seed: Uint8Array
  /** Multiaddrs with peer ids of members to start from. */
  readonly addresses: readonly string[]
}

export function makeTicket(
  signer: Signer,
  terms: Omit<InviteTerms, 'inviteKey'>,
  seed: Uint8Array,
  addresses: readonly string[]
): Ticket {
  const signedTerms = encodeCbor({ ...terms, inviteKey: publicKeyOfSeed(seed) })
  return {
    terms: signedTerms,
    issuer: signer.nodeId,
    issuerSignature: signer.sign(TERMS_DOMAIN, signedTerms),
    seed,
    addresses
  }
}

export function formatTicket(ticket: Ticket): string {
  return TICKET_PREFIX + Buffer.from(encodeCbor(ticket)).toString('base64url')
}

/** Throws a WireError when the text is no ticket. */
export function parseTicket(ticket: string): Ticket {
  const compact = ticket.replace(/\s+/g, '')
  if (!compact.startsWith(TICKET_PREFIX)) throw malformed(`a ticket starts with ${TICKET_PREFIX}`)
  const raw = Buffer.from(compact.slice(TICKET_PREFIX.length), 'base64url')
  const map = fields(decodeCbor(raw, { maxBytes: MAX_TICKET_BYTES }), 'ticket')
  return {
    terms: bytes(1, 1024)(map['terms'], 'terms'),
    issuer: matching(isNodeId, 'a node id')(map['issuer'], 'issuer'),
    issuerSignature: bytes(64, 64)(map['issuerSignature'], 'issuerSignature'),
    seed: bytes(32, 32)(map['seed'], 'seed'),
    addresses: list(16, text(300))(map['addresses'], 'addresses')
  }
}

export function termsOf(signed: { readonly terms: Uint8Array }): InviteTerms {
  return readInviteTerms(decodeCbor(signed.terms, { maxBytes: 1024 }))
}

export function proveJoin(ticket: Ticket, subject: NodeId): JoinProof {
  const { terms, issuer, issuerSignature, seed } = ticket
  const payload = joinPayload(termsOf(ticket).meshId, subject)
  return { terms, issuer, issuerSignature, subjectSignature: signWithSeed(seed, JOIN_DOMAIN, payload) }
}

/**
 * The terms of a proof whose two signatures hold for this mesh and subject, otherwise undefined. Whether the issuer
 * may invite, and whether the terms have run out, is the caller's to judge.
 */
export function checkJoinProof(
  verifier: Verifier,
  meshId: MeshId,
  subject: NodeId,
  proof: JoinProof
): InviteTerms | undefined {
  try {
    const terms = termsOf(proof)
    const payload = joinPayload(meshId, subject)
    const holds =
      terms.meshId === meshId &&
      verifier.verify(proof.issuer, TERMS_DOMAIN, proof.terms, proof.issuerSignature) &&
      verifyRaw(terms.inviteKey, { domain: JOIN_DOMAIN, payload }, proof.subjectSignature)
    return holds ? terms : undefined
  } catch {
    return undefined
  }
}

function joinPayload(meshId: MeshId, subject: NodeId): Uint8Array {
  return new TextEncoder().encode(`${meshId} ${subject}`)
}
