import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import type { Clock } from '../core/ports.ts'
import { createNewcomerHost, type Host } from '../gossip/create-libp2p.ts'
import { describeMesh, joinThrough, requestAdmission } from '../gossip/door-client.ts'
import { watchDiscoveries } from '../gossip/lan-discovery.ts'
import { openGenesis } from '../wire/genesis.ts'
import { parseTicket, proveJoin, termsOf, type Ticket } from '../wire/invite.ts'
import type { MeshMembership } from './mesh-files.ts'
import { NodeError } from './node-error.ts'

/** mDNS service under which nodes find each other. */
export const MDNS_SERVICE = '_commonwheel._tcp.local'
/** How long a newcomer without a ticket listens for neighbours: mDNS asks at once and answers within a second or two. */
const LAN_LISTEN_MS = 5_000

export interface NewcomerOptions {
  readonly seed: Uint8Array
  readonly label: string
  readonly contact: string
  readonly onProgress: (line: string) => void
}

export function readTicket(text: string): Ticket {
  try {
    const ticket = parseTicket(text)
    termsOf(ticket)
    return ticket
  } catch (cause) {
    const reason = 'it is not whole: copy it again, from commonwheel1: to its end'
    throw new NodeError({ code: 'NODE_TICKET_BAD', reason }, { cause })
  }
}

/** Joins by a ticket: the first of its addresses that answers lets this node in. Throws a NodeError that says who said no. */
export async function joinByTicket(
  ticket: Ticket,
  options: NewcomerOptions,
  nowMs: number
): Promise<MeshMembership> {
  const terms = termsOf(ticket)
  if (terms.expiresMs < nowMs) {
    const expired = new Date(terms.expiresMs).toISOString()
    throw new NodeError({
      code: 'NODE_TICKET_EXPIRED',
      expired,
      cure: 'ask for a new one; check this machine’s clock'
    })
  }
  return withNewcomer(options, false, async (host) => {
    const refusals: string[] = []
    for (const address of ticket.addresses) {
      options.onProgress(`knocking at ${address}`)
      const answer = await knock(host, address, ticket)
      if (!('refused' in answer)) {
        const genesis = openGenesis(answer.genesis)
        return { genesis, proof: proveJoin(ticket, host.nodeId), sponsors: ticket.addresses }
      }
      refusals.push(answer.refused)
    }
    const reason = refusals.at(-1) ?? 'the ticket names no address'
    throw new NodeError({ code: 'NODE_JOIN_REFUSED', reason, tried: ticket.addresses.join(' ') })
  })
}

/** Asks neighbours on the local network to be let in; undefined when none does. */
export async function joinByLan(options: NewcomerOptions, clock: Clock): Promise<MeshMembership | undefined> {
  return withNewcomer(options, true, async (host) => {
    const found = new Map<NodeId, readonly string[]>()
    const end = watchDiscoveries(host, (node, addresses) => found.set(node, addresses))
    options.onProgress('looking for a mesh on the local network')
    await clock.sleep(LAN_LISTEN_MS)
    end()
    for (const [node, addresses] of found) {
      for (const address of addresses) {
        const membership = await ask(host, withPeerId(address, node), options)
        if (membership !== undefined) return membership
      }
    }
    return undefined
  })
}

async function ask(
  host: Host,
  address: string,
  options: NewcomerOptions
): Promise<MeshMembership | undefined> {
  try {
    const mesh = await describeMesh(host, address)
    if ('refused' in mesh) return undefined
    if (!mesh.accepts) {
      options.onProgress(`the mesh ${mesh.name} is here, but takes only nodes with a ticket`)
      return undefined
    }
    const { label, contact } = options
    const answer = await requestAdmission(host, address, { meshId: mesh.meshId, label, contact })
    if ('refused' in answer) return undefined
    return { genesis: openGenesis(answer.genesis), proof: answer.proof, sponsors: [address] }
  } catch {
    // Whoever does not answer, or in another language, is no mesh to join.
    return undefined
  }
}

async function knock(
  host: Host,
  address: string,
  ticket: Ticket
): Promise<{ readonly genesis: Uint8Array } | { readonly refused: string }> {
  const { meshId } = termsOf(ticket)
  try {
    return await joinThrough(host, address, { meshId, proofFor: (self) => proveJoin(ticket, self) })
  } catch (error) {
    return { refused: `no answer: ${messageOf(error)}` }
  }
}

async function withNewcomer<T>(
  { seed }: NewcomerOptions,
  mdns: boolean,
  work: (host: Host) => Promise<T>
): Promise<T> {
  const host = await createNewcomerHost({
    privateKeyRaw: seed,
    mdns: { enabled: mdns, serviceTag: MDNS_SERVICE }
  })
  await host.libp2p.start()
  try {
    return await work(host)
  } finally {
    await host.libp2p.stop()
  }
}

function withPeerId(address: string, node: NodeId): string {
  return address.includes('/p2p/') ? address : `${address}/p2p/${node}`
}
