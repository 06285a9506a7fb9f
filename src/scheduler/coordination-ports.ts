import type { ClaimNote, CoordinationMessage, ShardId } from '../core/coordination.ts'
import type { NodeId, TargetId } from '../core/ids.ts'
import type { Clock, Log } from '../core/ports.ts'
import type { WitnessStore } from './effect-runner.ts'
import type { JobBoard } from './job-board.ts'
import type { Message } from './lease-types.ts'
import type { ProtocolRules } from './protocol-rules.ts'
import type { Refusal } from './refusal.ts'

export interface CoordinationParts {
  readonly clock: Clock
  readonly log: Log
  readonly board: Pick<JobBoard, 'get' | 'openJobs' | 'fits' | 'failedOn'>
  readonly witnesses: WitnessStore
  /** Members to which there is a connection now. */
  connected(): readonly NodeId[]
  isMember(node: NodeId): boolean
  /** A member, or one that was: only such a node may be a witness. Unless given, members. */
  wasAdmitted?(node: NodeId): boolean
  /** The mesh's records say that this node is a member; before that it leads nobody. */
  mayLead?(): boolean
  /** Members that build for a target. */
  buildersOf(target: TargetId): readonly NodeId[]
  send(to: NodeId, message: CoordinationMessage): void
  gossip(message: CoordinationMessage): void
  entryCount(): number
  /** This node takes copies of blobs. Unless given, it does. */
  hasRoom?(): boolean
  /** The builder's result that began then is in the ledger. */
  hasResult(claim: ClaimNote, startedMs: number): boolean
  /** A member has signed entries that are not here yet. */
  lacks(node: NodeId): void
  /** A member sent what no honest node can send: by which rule it was refused. */
  blame?(node: NodeId, rule: string): void
}

export interface CoordinationOptions {
  readonly self: NodeId
  readonly roots: readonly NodeId[]
  /** Random per process. */
  readonly boot: number
  /** Slices of a target with so many builders; the simulator divides small meshes, too. */
  readonly sliceCount?: (builders: number) => number
  /** Other rules than the protocol's: only to show what breaks without one. */
  readonly rules?: ProtocolRules
}

/** The builder's side of claims. */
export interface GrantReceiver {
  onGrant(from: NodeId, message: Message<'grant'>): Refusal | undefined
  onNoGrant(from: NodeId, message: Message<'no-grant'>): Refusal | undefined
  onProgressNoted(from: NodeId, message: Message<'progress-noted'>): Refusal | undefined
  /** A new coordinator is in office: it may not know of running builds. */
  onNewHolder(shard: ShardId): void
}
