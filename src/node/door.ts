import type { NodeId } from '../core/ids.ts'
import { MAX_CLOCK_AHEAD_MS } from '../core/limits.ts'
import type { Clock, Random, Signer } from '../core/ports.ts'
import type { InviteTerms, JoinProof } from '../core/record.ts'
import type { MembershipLink } from '../gossip/door-messages.ts'
import type { Door } from '../gossip/door-ports.ts'
import type { EntryCodec } from '../ledger/entry-codec.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { SealedGenesis } from '../wire/genesis.ts'
import { makeTicket, proveJoin } from '../wire/invite.ts'

export interface DoorParts {
  readonly genesis: SealedGenesis
  readonly state: MeshState
  readonly ledger: Pick<Ledger, 'append'>
  readonly codec: Pick<EntryCodec, 'checkJoin'>
  readonly signer: Signer
  readonly clock: Clock
  readonly random: Random
  /** What let this node in; undefined for a root. */
  readonly proof: JoinProof | undefined
}

export interface DoorOptions {
  /** Nodes without a ticket are let in when they ask from the local network. */
  readonly acceptLan: boolean
}

/** Chains are as long as invitations are deep; nobody needs more. */
const MAX_CHAIN = 8
/** Whoever hears it needs a new key: the word of a root, and a proof of two histories, are for good. */
const GONE = 'this node’s membership was revoked, or its key signed two histories'
/** An invitation made on the spot is used on the spot. */
const SPOT_TICKET_MS = 10 * 60_000

/** Judges who asks to be let in. Rules M1 to M6 of docs/protocol/records.md#membership-of-authors. */
export function createDoor(parts: DoorParts, options: DoorOptions): Door {
  const { genesis, state, ledger, codec, signer, clock } = parts
  const { membership } = state

  function isKeeper(node: NodeId): boolean {
    return membership.get(node)?.roles.includes('keeper') === true
  }

  function accepts(): boolean {
    return options.acceptLan && isKeeper(signer.nodeId)
  }

  function refusalOf(subject: NodeId, proof: JoinProof): string | undefined {
    if (membership.isRevoked(subject)) return GONE
    const terms = codec.checkJoin(subject, proof)
    if (terms === undefined) return 'the proof does not hold for this mesh and node'
    if (!isKeeper(proof.issuer)) return 'who made the ticket may not invite'
    return termsRefusal(terms)
  }

  function termsRefusal({ expiresMs, inviteKey, uses }: InviteTerms): string | undefined {
    if (expiresMs < clock.wallMs())
      return `the ticket ran out on ${new Date(expiresMs).toISOString()}; ask for a new one`
    if (membership.usesOf(inviteKey) >= uses)
      return 'the ticket has been used as often as it may be; ask for a new one'
    return undefined
  }

  return {
    describe: () => ({
      meshId: genesis.meshId,
      name: genesis.genesis.name,
      accepts: accepts(),
      genesis: genesis.bytes
    }),

    async admit(from, chain) {
      for (const { subject, proof } of chain.slice(-MAX_CHAIN)) {
        if (membership.isMember(subject)) continue
        const refused = refusalOf(subject, proof)
        if (refused !== undefined) return { refused }
        await ledger.append({ kind: 'admit', subject, proof })
      }
      return membership.isMember(from)
        ? 'welcome'
        : { refused: 'nothing proves that this node belongs to the mesh' }
    },

    async offer(from) {
      if (!accepts()) return { refused: 'this mesh lets nobody in without a ticket' }
      if (membership.isRevoked(from)) return { refused: GONE }
      const expiresMs = clock.wallMs() + SPOT_TICKET_MS + MAX_CLOCK_AHEAD_MS
      const level = state.genesis.policy.defaultLevel
      const terms = { meshId: genesis.meshId, uses: 1, expiresMs, roles: ['build', 'index'] as const, level }
      const proof = proveJoin(makeTicket(signer, terms, parts.random.bytes(32), []), from)
      await ledger.append({ kind: 'admit', subject: from, proof })
      return { proof }
    },

    chain: () => chainOf(parts)
  }
}

/** From a member that everybody knows down to this node. */
function chainOf({ state, signer, proof }: DoorParts): readonly MembershipLink[] {
  const chain: MembershipLink[] = []
  let subject: NodeId = signer.nodeId
  let link = proof
  while (link !== undefined && chain.length < MAX_CHAIN) {
    chain.unshift({ subject, proof: link })
    subject = link.issuer
    link = state.membership.get(subject)?.proof
  }
  return chain
}
