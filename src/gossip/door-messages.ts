import { parseMeshId, isNodeId, type MeshId, type NodeId } from '../core/ids.ts'
import type { JoinProof } from '../core/record.ts'
import { boolean, bytes, fields, list, matching, parsed, text } from '../wire/shape.ts'
import { readJoinProof } from '../wire/record-codec.ts'
import { malformed } from '../wire/wire-error.ts'
import { MAX_CHAIN_LINKS, MAX_GENESIS_BYTES, MAX_LABEL_CHARS, MAX_REASON_CHARS } from './gossip-limits.ts'

/*
 * Messages at the door and of the hello, as CBOR maps. docs/protocol/membership.md has them in CDDL.
 *
 *   door:  ask 'describe'                          → { meshId, name, accepts, genesis } | { refused }
 *          ask 'join',  meshId, chain              → { genesis } | { refused }
 *          ask 'offer', label, contact             → { genesis, proof } | { refused }
 *   hello: { v, meshId, software, chain }          → { v, meshId, software, chain } | { refused }
 *          then the dialer: {}                      | { refused }
 */

/** One admission: `subject` was admitted by `proof`. A chain of them leads from a member to whom it is about. */
export interface MembershipLink {
  readonly subject: NodeId
  readonly proof: JoinProof
}

/** What a node tells anybody who asks which mesh it belongs to. */
export interface MeshDescription {
  readonly meshId: MeshId
  readonly name: string
  /** Whether a node without a ticket may ask to be let in. */
  readonly accepts: boolean
  readonly genesis: Uint8Array
}

/** Who asks to be let in without a ticket. */
export interface NewcomerCard {
  readonly label: string
  readonly contact: string
}

export type DoorQuestion =
  | { readonly ask: 'describe' }
  | { readonly ask: 'join'; readonly meshId: MeshId; readonly chain: readonly MembershipLink[] }
  | ({ readonly ask: 'offer' } & NewcomerCard)

export interface Refusal {
  readonly refused: string
}

export interface Hello {
  readonly v: 1
  readonly meshId: MeshId
  readonly software: string
  readonly chain: readonly MembershipLink[]
}

const reason = text(MAX_REASON_CHARS)
const label = text(MAX_LABEL_CHARS)
const nodeId = matching(isNodeId, 'a node id')
const meshIdOf = parsed(parseMeshId)
const genesisOf = bytes(1, MAX_GENESIS_BYTES)
const chainOf = list(MAX_CHAIN_LINKS, readLink)

export function readQuestion(value: unknown): DoorQuestion {
  const map = fields(value, 'question')
  const ask = map['ask']
  if (ask === 'describe') return { ask }
  if (ask === 'join')
    return { ask, meshId: meshIdOf(map['meshId'], 'meshId'), chain: chainOf(map['chain'], 'chain') }
  if (ask === 'offer')
    return { ask, label: label(map['label'], 'label'), contact: label(map['contact'], 'contact') }
  throw malformed('a question that the door does not know')
}

export function readDescription(value: unknown): MeshDescription | Refusal {
  const map = fields(value, 'description')
  return (
    refusalIn(map) ?? {
      meshId: meshIdOf(map['meshId'], 'meshId'),
      name: label(map['name'], 'name'),
      accepts: boolean(map['accepts'], 'accepts'),
      genesis: genesisOf(map['genesis'], 'genesis')
    }
  )
}

export function readWelcome(value: unknown): { readonly genesis: Uint8Array } | Refusal {
  const map = fields(value, 'answer')
  return refusalIn(map) ?? { genesis: genesisOf(map['genesis'], 'genesis') }
}

export function readOffer(
  value: unknown
): { readonly genesis: Uint8Array; readonly proof: JoinProof } | Refusal {
  const map = fields(value, 'answer')
  return (
    refusalIn(map) ?? {
      genesis: genesisOf(map['genesis'], 'genesis'),
      proof: readJoinProof(map['proof'], 'proof')
    }
  )
}

export function readHello(value: unknown): Hello | Refusal {
  const map = fields(value, 'hello')
  const refusal = refusalIn(map)
  if (refusal !== undefined) return refusal
  if (map['v'] !== 1) throw malformed('a hello of another version')
  return {
    v: 1,
    meshId: meshIdOf(map['meshId'], 'meshId'),
    software: label(map['software'], 'software'),
    chain: chainOf(map['chain'], 'chain')
  }
}

export function readAgreement(value: unknown): Refusal | undefined {
  return refusalIn(fields(value, 'agreement'))
}

/** A refusal that fits into its frame, whatever the ledger had to say. */
export function refusal(why: string): Refusal {
  return { refused: why.slice(0, MAX_REASON_CHARS) }
}

function refusalIn(map: Readonly<Record<string, unknown>>): Refusal | undefined {
  return map['refused'] === undefined ? undefined : { refused: reason(map['refused'], 'refused') }
}

function readLink(value: unknown, name: string): MembershipLink {
  const map = fields(value, name)
  return {
    subject: nodeId(map['subject'], `${name}.subject`),
    proof: readJoinProof(map['proof'], `${name}.proof`)
  }
}
