import type {
  ClaimNote,
  CoordinationMessage,
  LeaseMessage,
  ShardId,
  View,
  ViewState
} from '../core/coordination.ts'
import type { Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'

/** One kind of message. */
export type Message<K extends CoordinationMessage['kind']> = Extract<CoordinationMessage, { kind: K }>

/** What a witness must not forget over a restart. */
export interface WitnessMemory extends ViewState {
  /** The highest fence that it ever acknowledged or promised to. */
  readonly highest: Fence
}

/** A claim to the lease: a candidate's prepare, or a holder's beat. */
export interface LeaseClaim {
  readonly fence: Fence
  readonly view: View
  /** The view that is to be replaced, a majority of which is asked, too. */
  readonly replaces?: View
}

export type LeaseEffect =
  /** Also to this node itself: then it comes back as a message, after all effects before it. */
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: LeaseMessage }
  | { readonly kind: 'gossip'; readonly message: LeaseMessage }
  /** Durable before any later effect is carried out; if it cannot be, the later ones of this step are dropped. */
  | { readonly kind: 'remember'; readonly memory: WitnessMemory }
  /** This node coordinates; `claims` are those that its witnesses knew. */
  | { readonly kind: 'elected'; readonly claims: readonly ClaimNote[] }
  /** Claims of a witness whose promise came after those of the majority. */
  | { readonly kind: 'told'; readonly claims: readonly ClaimNote[] }
  | { readonly kind: 'lost' }

/** Why a lease message changes nothing here, or not what its sender wanted. docs/protocol/coordination.md#refused-by-rule */
export type LeaseRule =
  /** Somebody speaks under another's fence. */
  | 'foreign-fence'
  /** A fence that does not name the view it comes with. */
  | 'view-hash-mismatch'
  /** No witnesses, too many, or one of them twice. */
  | 'unsound-view'
  /** A witness that this node's records never admitted. */
  | 'stranger-witness'
  /** Farther above all that was heard than any mesh gets in its life. */
  | 'term-leap'
  | 'epoch-leap'
  /** Below a fence, or a view, that this node knows. */
  | 'stale-fence'
  | 'stale-view'
  /** At or below the fence under which its holder handed over. */
  | 'handed-over'
  | 'promised-to-another'
  | 'holder-alive'
  | 'view-still-heard'
  /** Another view is proposed already. */
  | 'pending-view'
  /** Not a witness of the view in question. */
  | 'not-a-witness'
  | 'not-the-holder'
  /** An answer to nothing that this node is waiting for. */
  | 'unasked'

export interface LeaseRefusal {
  readonly rule: LeaseRule
  /** No honest node can ever send it, neither late nor reordered. */
  readonly blame: boolean
}

export interface LeaseOutcome {
  readonly effects: readonly LeaseEffect[]
  readonly refusal?: LeaseRefusal
}

export interface LeaseWorld {
  /** The mesh's records say that this node is a member. */
  mayLead?(): boolean
  readonly shard: ShardId
  readonly self: NodeId
  /** Members heard of lately, this node among them. The same array while nothing changed. */
  present(): readonly NodeId[]
  /** A member, or one that was: only such a node may be a witness. */
  wasAdmitted(node: NodeId): boolean
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
