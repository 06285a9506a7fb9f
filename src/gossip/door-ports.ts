import type { NodeId } from '../core/ids.ts'
import type { JoinProof } from '../core/record.ts'
import type { MembershipLink, MeshDescription, NewcomerCard, Refusal } from './door-messages.ts'

/** What the door needs of the ledger, which judges proofs and records admissions. */
export interface Door {
  /** What anybody may know about this mesh. */
  describe(): MeshDescription
  /**
   * Judges a chain whose last link is about `from`, and records the admissions that it proves. After a welcome
   * `isMember(from)` is true.
   */
  admit(from: NodeId, chain: readonly MembershipLink[]): Promise<'welcome' | Refusal>
  /** Lets a node in that has no ticket, where the mesh is set to; the answer holds the proof that it is a member now. */
  offer(from: NodeId, card: NewcomerCard): Promise<{ readonly proof: JoinProof } | Refusal>
  /** What proves this node's own membership to a member that has not heard of it; empty for a root. */
  chain(): readonly MembershipLink[]
}
