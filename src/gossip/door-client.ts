import { multiaddr } from '@multiformats/multiaddr'
import { sha256Hex } from '../core/digest.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import type { AbortOptions } from '../core/ports.ts'
import type { JoinProof } from '../core/record.ts'
import type { Host } from './create-libp2p.ts'
import {
  readDescription,
  readOffer,
  readWelcome,
  type DoorQuestion,
  type MeshDescription,
  type NewcomerCard,
  type Refusal
} from './door-messages.ts'
import { frameStream } from './frame-stream.ts'
import { GossipError } from './gossip-error.ts'
import { MAX_DOOR_FRAME_BYTES, OPEN_STREAM_TIMEOUT_MS } from './gossip-limits.ts'
import { DOOR_PROTOCOL } from './topics.ts'

/** What a ticket knows of the mesh. */
export interface JoinRequest {
  readonly meshId: MeshId
  /** Signs this node's id with the ticket's invite key. */
  readonly proofFor: (self: NodeId) => JoinProof
}

/** Which mesh the node at an address belongs to. Throws PEER_UNREACHABLE when nobody of ours answers there. */
export async function describeMesh(
  host: Host,
  address: string,
  options: AbortOptions = {}
): Promise<MeshDescription | Refusal> {
  const mesh = readDescription(await ask(host, address, { ask: 'describe' }, options))
  if (!('refused' in mesh)) checkGenesis(mesh.genesis, mesh.meshId)
  return mesh
}

/** Presents a ticket at the node of an address. The genesis comes back checked against the ticket's mesh id. */
export async function joinThrough(
  host: Host,
  address: string,
  { meshId, proofFor }: JoinRequest,
  options: AbortOptions = {}
): Promise<{ readonly genesis: Uint8Array } | Refusal> {
  const chain = [{ subject: host.nodeId, proof: proofFor(host.nodeId) }]
  const answer = readWelcome(await ask(host, address, { ask: 'join', meshId, chain }, options))
  if (!('refused' in answer)) checkGenesis(answer.genesis, meshId)
  return answer
}

/** Asks the node of an address to be let in without a ticket, into the mesh that it described. */
export async function requestAdmission(
  host: Host,
  address: string,
  { meshId, ...card }: NewcomerCard & { readonly meshId: MeshId },
  options: AbortOptions = {}
): Promise<{ readonly genesis: Uint8Array; readonly proof: JoinProof } | Refusal> {
  const answer = readOffer(await ask(host, address, { ask: 'offer', ...card }, options))
  if (!('refused' in answer)) checkGenesis(answer.genesis, meshId)
  return answer
}

async function ask(
  host: Host,
  address: string,
  question: DoorQuestion,
  { signal }: AbortOptions
): Promise<unknown> {
  const timeout = AbortSignal.timeout(OPEN_STREAM_TIMEOUT_MS)
  const opening = { signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]) }
  const stream = await host.libp2p
    .dialProtocol(multiaddr(address), DOOR_PROTOCOL, opening)
    .catch((cause: unknown) => {
      throw new GossipError({ code: 'PEER_UNREACHABLE', peer: address }, { cause })
    })
  const frames = frameStream(stream, { maxFrameBytes: MAX_DOOR_FRAME_BYTES })
  try {
    await frames.write(question)
    const answer = await frames.read()
    await frames.close()
    return answer
  } catch (error) {
    frames.abort(error)
    throw error
  }
}

function checkGenesis(genesis: Uint8Array, meshId: MeshId): void {
  const actual = sha256Hex(genesis)
  if (String(actual) !== String(meshId))
    throw new GossipError({ code: 'WRONG_GENESIS', expected: meshId, actual })
}
