import { sha256Hex } from './digest.ts'
import type { Fence } from './fence.ts'
import type { JobId, NodeId } from './ids.ts'
import type { BuildPhase } from './ports.ts'
import type { BuildLimits } from './record.ts'
import type { ShardId } from './shard.ts'

export { UPSTREAM_SHARD, type ShardId } from './shard.ts'

/*
 * The messages by which a mesh agrees who coordinates a shard and who builds what. All of it is soft state: a lost or
 * forged message can cost work, never truth. Spec: docs/protocol/coordination.md
 */

/** Who witnesses a shard's lease. Replaced as a whole, each time with a higher epoch. */
export interface View {
  readonly epoch: number
  readonly witnesses: readonly NodeId[]
}

/**
 * What a node knows of a shard's views. `next` was proposed to replace `view`, and promised to its proposer here; nobody was heard to hold
 * under it yet.
 */
export interface ViewState {
  readonly view: View
  readonly next?: View
}

export function viewHash(view: View): string {
  return sha256Hex(view.witnesses.join(' ')).slice(0, 16)
}

/** Later epoch first; two views of one epoch (a cut mesh) are ordered by their hash. */
export function compareViews(a: View, b: View): number {
  if (a === b || a.epoch !== b.epoch) return a.epoch - b.epoch
  const [hashA, hashB] = [viewHash(a), viewHash(b)]
  return hashA < hashB ? -1 : hashA > hashB ? 1 : 0
}

export function majorityOf(view: Pick<View, 'witnesses'>): number {
  return Math.floor(view.witnesses.length / 2) + 1
}

/** A claim as witnesses remember it. */
export interface ClaimNote {
  readonly job: JobId
  readonly builder: NodeId
  readonly fence: Fence
  /** Builders that fell silent over the job before; absent for none. */
  readonly crashes?: number
}

/** What a builder can take now. */
export interface Capacity extends BuildLimits {
  /** It takes no job that is known to take longer; absent: any. */
  readonly longestMs?: number
}

export type CoordinationMessage =
  /** The holder is there. To its witnesses it asks for their acknowledgement; by gossip it tells everybody. */
  | {
      readonly kind: 'beat'
      readonly shard: ShardId
      readonly fence: Fence
      readonly witnesses: readonly NodeId[]
      readonly seq: number
    }
  | { readonly kind: 'ack'; readonly shard: ShardId; readonly fence: Fence; readonly seq: number }
  /** There is a higher fence than yours. */
  | ({ readonly kind: 'nack'; readonly shard: ShardId; readonly highest: Fence } & ViewState)
  | { readonly kind: 'pre-vote'; readonly shard: ShardId; readonly round: number; readonly view: View }
  | ({
      readonly kind: 'pre-vote-answer'
      readonly shard: ShardId
      readonly round: number
      /** Heard a beat within the promise time, or holds the lease itself. */
      readonly recent: boolean
      /** Heard none for so long that the view may be replaced. */
      readonly silent: boolean
      /** Of the beat heard last, or of the own office: a candidate of a later view need not mind an earlier one's holder. */
      readonly heard?: Fence
    } & ViewState)
  | {
      readonly kind: 'prepare'
      readonly shard: ShardId
      readonly fence: Fence
      readonly view: View
      /** The view before: a majority of it must promise, too. */
      readonly replaces?: View
    }
  | {
      readonly kind: 'promise'
      readonly shard: ShardId
      readonly fence: Fence
      readonly claims: readonly ClaimNote[]
    }
  | ({
      readonly kind: 'refuse'
      readonly shard: ShardId
      readonly fence: Fence
      readonly highest: Fence
    } & ViewState)
  /** The holder stops, grants no more under this fence, and releases its witnesses. */
  | {
      readonly kind: 'hand-over'
      readonly shard: ShardId
      readonly fence: Fence
      /** Who shall be next; nobody when it had no authority to give. */
      readonly to: NodeId | ''
      readonly claims: readonly ClaimNote[]
      /** These are all live claims: the next holder has nothing to wait for. */
      readonly complete: boolean
    }
  /** A builder asks for a job. */
  | {
      readonly kind: 'request'
      readonly shard: ShardId
      readonly nonce: number
      /** Random per process: a builder that came back has lost what it was building. */
      readonly boot: number
      /** What it works on already. */
      readonly running: readonly JobId[]
      readonly capacity: Capacity
    }
  | {
      readonly kind: 'grant'
      readonly shard: ShardId
      readonly nonce: number
      readonly claim: ClaimNote
      /** Build requirements of a builder that fell silent over this job: core/pins.ts. */
      readonly pins?: readonly string[]
    }
  /** Not the holder, or nothing to do. */
  | {
      readonly kind: 'no-grant'
      readonly shard: ShardId
      readonly nonce: number
      readonly holder: NodeId | ''
    }
  /** The claim is to be known to a majority of witnesses before the builder sees it. */
  | { readonly kind: 'note-claim'; readonly shard: ShardId; readonly claim: ClaimNote }
  | { readonly kind: 'claim-noted'; readonly shard: ShardId; readonly claim: ClaimNote }
  /** A builder still works on its claim. */
  | {
      readonly kind: 'progress'
      readonly shard: ShardId
      readonly claim: ClaimNote
      /** Its result is signed and on the builder's disk: its `startedMs`, which tells it from others of the job. Told until the holder has it. */
      readonly ended?: number
      /** Its build requirements, for the next builder, should it fall silent. */
      readonly pins?: readonly string[]
    }
  /** The holder heard a builder's progress; until then the builder repeats it. */
  | {
      readonly kind: 'progress-noted'
      readonly shard: ShardId
      readonly claim: ClaimNote
      /** The result of this claim is in the holder's ledger. */
      readonly known?: true
    }
  /** The builder gives a claim back without a result. */
  | { readonly kind: 'give-up'; readonly shard: ShardId; readonly claim: ClaimNote }
  /** By gossip: what a holder granted since it last said so. */
  | { readonly kind: 'claimed'; readonly shard: ShardId; readonly claims: readonly ClaimNote[] }
  | Presence

/** By gossip, from each node's own timer: it is there, and what it does. */
export interface Presence {
  readonly kind: 'presence'
  readonly boot: number
  /** Grows with each presence of one boot. */
  readonly seq: number
  readonly freeSlots: number
  readonly running: readonly RunningJob[]
  readonly entries: number
  /** It takes copies of blobs. */
  readonly room: boolean
  /** It begins no builds for now; those that run go on. */
  readonly paused?: PausedNote
  /** False as its last word. */
  readonly staying: boolean
}

/** Why a node begins no builds, the weightiest of its reasons. */
export interface PausedNote {
  /** `owner`, `heat`, …; one of a newer version is shown as it is. */
  readonly cause: string
  /** For people; at most {@link MAX_PAUSE_REASON_CHARS}. */
  readonly reason: string
  /** Since it began, by the clock of the node that is paused. */
  readonly elapsedMs: number
}

export interface RunningJob {
  readonly job: JobId
  readonly phase: BuildPhase
  readonly elapsedMs: number
}

export type CoordinationKind = CoordinationMessage['kind']

const LEASE_KINDS = [
  'beat',
  'ack',
  'nack',
  'pre-vote',
  'pre-vote-answer',
  'prepare',
  'promise',
  'refuse',
  'hand-over'
] as const

/** The messages that decide who holds a lease. */
export type LeaseMessage = Extract<CoordinationMessage, { kind: (typeof LEASE_KINDS)[number] }>

export function isLeaseMessage(message: CoordinationMessage): message is LeaseMessage {
  return LEASE_KINDS.some((kind) => kind === message.kind)
}

const CLAIM_KINDS = ['request', 'note-claim', 'claim-noted', 'progress', 'give-up', 'claimed'] as const

/** The messages about claims that a shard's coordinator and witnesses read. */
export type ClaimMessage = Extract<CoordinationMessage, { kind: (typeof CLAIM_KINDS)[number] }>

export function isClaimMessage(message: CoordinationMessage): message is ClaimMessage {
  return CLAIM_KINDS.some((kind) => kind === message.kind)
}

/** Kinds that are spread by gossip, signed by their author; all others go from node to node on an authenticated stream. */
export const GOSSIPED: ReadonlySet<CoordinationKind> = new Set(['beat', 'claimed', 'presence'])
