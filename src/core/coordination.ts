import { sha256Hex } from './digest.ts'
import type { Fence } from './fence.ts'
import type { JobId, NodeId, TargetId } from './ids.ts'
import type { BuildPhase } from './ports.ts'

/*
 * The messages by which a mesh agrees who coordinates a shard and who builds what. All of it is soft state: a lost or
 * forged message can cost work, never truth. Spec: docs/protocol/coordination.md
 */

/** What one coordinator looks after: a target's jobs, or following upstream. */
export type ShardId = TargetId | 'upstream'
export const UPSTREAM_SHARD = 'upstream'

/** Who witnesses a shard's lease. Replaced as a whole, each time with a higher epoch. */
export interface View {
  readonly epoch: number
  readonly witnesses: readonly NodeId[]
}

export function viewHash(view: View): string {
  return sha256Hex(view.witnesses.join(' ')).slice(0, 16)
}

/** Later epoch first; two views of one epoch (a cut mesh) are ordered by their hash. */
export function compareViews(a: View, b: View): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch
  const [hashA, hashB] = [viewHash(a), viewHash(b)]
  return hashA < hashB ? -1 : hashA > hashB ? 1 : 0
}

export function majorityOf(view: View): number {
  return Math.floor(view.witnesses.length / 2) + 1
}

/** A claim as witnesses remember it. */
export interface ClaimNote {
  readonly job: JobId
  readonly builder: NodeId
  readonly fence: Fence
}

/** What a builder can take now. */
export interface Capacity {
  readonly memoryBytes: number
  readonly diskBytes: number
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
  | { readonly kind: 'nack'; readonly shard: ShardId; readonly highest: Fence; readonly view: View }
  | { readonly kind: 'pre-vote'; readonly shard: ShardId; readonly round: number; readonly view: View }
  | {
      readonly kind: 'pre-vote-answer'
      readonly shard: ShardId
      readonly round: number
      /** Heard a beat within the promise time, or holds the lease itself. */
      readonly recent: boolean
      /** Heard none for so long that the view may be replaced. */
      readonly silent: boolean
      readonly view: View
    }
  | { readonly kind: 'prepare'; readonly shard: ShardId; readonly fence: Fence; readonly view: View }
  | {
      readonly kind: 'promise'
      readonly shard: ShardId
      readonly fence: Fence
      readonly claims: readonly ClaimNote[]
    }
  | {
      readonly kind: 'refuse'
      readonly shard: ShardId
      readonly fence: Fence
      readonly highest: Fence
      readonly view: View
    }
  /** The holder stops and releases its witnesses. */
  | { readonly kind: 'hand-over'; readonly shard: ShardId; readonly fence: Fence }
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
  | { readonly kind: 'grant'; readonly shard: ShardId; readonly nonce: number; readonly claim: ClaimNote }
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
  | { readonly kind: 'progress'; readonly shard: ShardId; readonly claim: ClaimNote }
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
  /** False as its last word. */
  readonly staying: boolean
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
