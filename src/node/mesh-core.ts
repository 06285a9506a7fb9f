import type { CoordinationMessage } from '../core/coordination.ts'
import { GOSSIPED } from '../core/coordination.ts'
import { messageOf } from '../core/errors.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import type { GossipBus, Log, Messenger, Signer, Verdict, Verifier } from '../core/ports.ts'
import { verdictOf, type Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { Coordination } from '../scheduler/coordination.ts'
import type { Refusal } from '../scheduler/refusal.ts'
import {
  decodeCoordination,
  encodeCoordination,
  openCoordination,
  sealCoordination
} from '../wire/coordination-codec.ts'

/** Sends coordination messages the way their kind travels. */
export function coordinationSender(parts: {
  readonly meshId: MeshId
  readonly signer: Signer
  readonly log: Log
  readonly bus: Pick<GossipBus, 'publish'>
  readonly messenger: Pick<Messenger, 'send'>
}): { send(to: NodeId, message: CoordinationMessage): void; gossip(message: CoordinationMessage): void } {
  return {
    send(to, message) {
      parts.messenger.send(to, encodeCoordination(message))
    },
    gossip(message) {
      parts.bus
        .publish('coordination', sealCoordination(parts.signer, parts.meshId, message))
        .catch((error: unknown) => {
          parts.log.debug('a message was not gossiped', { kind: message.kind, error: messageOf(error) })
        })
    }
  }
}

/** Judges gossiped coordination before it is passed on, and hands it to this node's scheduler. */
export function judgeCoordination(parts: {
  readonly meshId: MeshId
  readonly verifier: Verifier
  readonly state: MeshState
  readonly coordination: Coordination
}): (bytes: Uint8Array) => Verdict {
  return (bytes) => {
    try {
      const { from, message } = openCoordination(parts.verifier, parts.meshId, bytes)
      if (!parts.state.membership.isMember(from)) return 'ignore'
      if (!GOSSIPED.has(message.kind)) return 'reject'
      return verdictOn(parts.coordination.receive(from, message, true))
    } catch {
      return 'reject'
    }
  }
}

/** What no honest node can send is nobody's to pass on; of a shard that is unknown here others may judge. */
function verdictOn(refusal: Refusal | undefined): Verdict {
  if (refusal === undefined || refusal.rule === 'unknown-shard') return 'accept'
  return refusal.blame ? 'reject' : 'ignore'
}

/** Takes what one member sent to this node alone. What no honest node can send lowers the sender's standing. */
export function receiveDirect(
  coordination: Coordination,
  log: Log,
  blame: (node: NodeId, rule: string) => void
): (from: NodeId, bytes: Uint8Array) => void {
  return (from, bytes) => {
    try {
      const refusal = coordination.receive(from, decodeCoordination(bytes), false)
      if (refusal?.blame === true) blame(from, refusal.rule)
    } catch (error) {
      log.warn('a member sent what is no message', { from, error: messageOf(error) })
      blame(from, 'malformed')
    }
  }
}

/** Judges gossiped entries; a gap is asked for from whoever told us. */
export function judgeEntries(
  ledger: Ledger,
  onGap: (from: NodeId) => void
): (bytes: Uint8Array, from: NodeId) => Promise<Verdict> {
  return async (bytes, from) => {
    const admission = await ledger.admit(bytes)
    if (admission.kind === 'gap' || admission.kind === 'not-a-member') onGap(from)
    return verdictOf(admission)
  }
}
