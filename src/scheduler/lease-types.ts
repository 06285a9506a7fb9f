import type { ClaimNote, CoordinationMessage, LeaseMessage, ShardId, View } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import type { WitnessMemory } from './lease-witness.ts'

/** One kind of message. */
export type Message<K extends CoordinationMessage['kind']> = Extract<CoordinationMessage, { kind: K }>

export type LeaseEffect =
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: LeaseMessage }
  | { readonly kind: 'gossip'; readonly message: LeaseMessage }
  /** Durable before any later effect of the same step is carried out. */
  | { readonly kind: 'remember'; readonly memory: WitnessMemory }
  /** This node coordinates; `claims` are those that its witnesses knew. */
  | { readonly kind: 'elected'; readonly claims: readonly ClaimNote[] }
  | { readonly kind: 'lost' }

export interface LeaseWorld {
  readonly shard: ShardId
  readonly self: NodeId
  /** Members heard of lately, this node among them. */
  present(): readonly NodeId[]
  /** Live claims that this node knows of as a witness. */
  claims(): Iterable<ClaimNote>
}

export interface LeaseStart {
  /** The view of a mesh in which nobody has led yet: the roots. */
  readonly firstView: View
  readonly memory: WitnessMemory | undefined
  readonly nowMs: number
}

/** How a message was heard; `from` is authentic either way. */
export interface Heard {
  readonly nowMs: number
  /** From everybody's topic, rather than sent to this node. */
  readonly gossiped: boolean
}
