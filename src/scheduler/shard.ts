import {
  isClaimMessage,
  isLeaseMessage,
  type Capacity,
  type ClaimMessage,
  type ClaimNote,
  type CoordinationMessage,
  type ShardId,
  type View
} from '../core/coordination.ts'
import type { Fence } from '../core/fence.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { sliceIndex, sliceOfShard, targetOfJob } from '../core/shard.ts'
import type { Claim, Claims } from './claims.ts'
import { Granting, type Authority } from './granting.ts'
import { judgeClaim } from './judge-claim.ts'
import { Lease } from './lease.ts'
import type { Heard, LeaseEffect, LeaseStart, Message, WitnessMemory } from './lease-types.ts'
import type { ProtocolRules } from './protocol-rules.ts'
import { refused, type Refusal } from './refusal.ts'
import type { Troubles } from './troubles.ts'

export interface ShardWorld {
  readonly shard: ShardId
  readonly self: NodeId
  /** Of the whole target: they outlive a change of its division into slices. */
  readonly claims: Claims
  readonly troubles: Troubles
  present(): readonly NodeId[]
  isMember(node: NodeId): boolean
  /** The mesh's records say that this node is a member. */
  mayLead(): boolean
  /** A member, or one that was. */
  wasAdmitted(node: NodeId): boolean
  /** False for a while after the target was divided anew: somebody may still grant by the old division. */
  mayGrant(nowMs: number): boolean
  openJobs(): Iterable<JobId>
  isUnfinished(job: JobId): boolean
  fits(job: JobId, capacity: Capacity, builder: NodeId): boolean
  failedOn(job: JobId): NodeId | undefined
  hasOtherBuilder(builder: NodeId): boolean
  /** The builder's result that began then is in the ledger. */
  hasResult(claim: ClaimNote, startedMs: number): boolean
  /** A node has entries that are not here yet. */
  lacks(node: NodeId): void
  send(to: NodeId, message: CoordinationMessage): void
  gossip(message: CoordinationMessage): void
  /** Carries out in order; what follows a `remember` waits until it is durable. */
  carryOut(effects: readonly LeaseEffect[]): void
}

/** One node's part in one shard: its lease, and the desk that grants while this node holds. */
export class Shard {
  readonly id: ShardId
  readonly claims: Claims
  readonly #world: ShardWorld
  readonly #lease: Lease
  readonly #granting: Granting
  readonly #slice: ReturnType<typeof sliceOfShard>

  constructor(world: ShardWorld, start: LeaseStart, rules?: ProtocolRules) {
    const { shard, self, claims } = world
    this.id = shard
    this.claims = claims
    this.#world = world
    this.#slice = sliceOfShard(shard)
    this.#lease = new Lease(
      {
        shard,
        self,
        present: () => world.present(),
        mayLead: () => world.mayLead(),
        wasAdmitted: (node) => world.wasAdmitted(node),
        claims: () => claims.notes((job) => this.isOurs(job))
      },
      start,
      rules
    )
    this.#granting = this.#makeGranting(world)
  }

  tick(nowMs: number): void {
    this.#apply(this.#lease.tick(nowMs), nowMs)
    this.#granting.tick(nowMs)
  }

  receive(from: NodeId, message: CoordinationMessage, heard: Heard): Refusal | undefined {
    if (isClaimMessage(message)) return this.#receiveClaim(from, message, heard)
    if (!isLeaseMessage(message)) return undefined
    const { effects, refusal } = this.#lease.receive(from, message, heard)
    this.#apply(effects, heard.nowMs)
    return refusal
  }

  /** A claim on one of its jobs ran out. */
  onExpired(claim: Claim, nowMs: number): void {
    this.#granting.onExpired(claim, nowMs)
  }

  handOver(nowMs: number): void {
    this.#apply(this.#lease.handOver(nowMs), nowMs)
  }

  /** What this node must not forget as a witness is on the disk. */
  remembered(memory: WitnessMemory): void {
    this.#lease.remembered(memory)
  }

  holder(nowMs: number): NodeId | undefined {
    return this.#lease.holder(nowMs)
  }

  /** May this node grant right now? */
  hasAuthority(nowMs: number): boolean {
    return this.#lease.hasAuthority(nowMs) && this.#world.mayGrant(nowMs)
  }

  /** Fence of the coordinator in office, as far as this node knows. */
  fence(): Fence | undefined {
    return this.#lease.fence() ?? this.#lease.highestHeard()
  }

  view(): View {
    return this.#lease.view()
  }

  isOurs(job: JobId): boolean {
    const slice = this.#slice
    return (
      slice !== undefined && slice.target === targetOfJob(job) && slice.index === sliceIndex(job, slice.count)
    )
  }

  #makeGranting(world: ShardWorld): Granting {
    return new Granting({
      shard: world.shard,
      self: world.self,
      claims: world.claims,
      troubles: world.troubles,
      authority: (nowMs) => this.#authority(nowMs),
      holder: (nowMs) => this.#lease.holder(nowMs),
      isOurs: (job) => this.isOurs(job),
      openJobs: () => world.openJobs(),
      isUnfinished: (job) => world.isUnfinished(job),
      fits: (job, capacity, builder) => world.fits(job, capacity, builder),
      failedOn: (job) => world.failedOn(job),
      nodes: () => world.present().length,
      hasOtherBuilder: (builder) => world.hasOtherBuilder(builder),
      hasResult: (claim, startedMs) => world.hasResult(claim, startedMs),
      lacks: (node) => {
        world.lacks(node)
      },
      send: (to, message) => {
        world.send(to, message)
      },
      gossip: (message) => {
        world.gossip(message)
      }
    })
  }

  #authority(nowMs: number): Authority | undefined {
    const fence = this.#lease.fence()
    return fence !== undefined && this.hasAuthority(nowMs) ? { fence, view: this.#lease.view() } : undefined
  }

  #apply(effects: readonly LeaseEffect[], nowMs: number): void {
    for (const effect of effects) {
      if (effect.kind === 'elected') this.#fetchResults()
      if (effect.kind === 'elected' || effect.kind === 'told') this.#takeOver(effect.claims, nowMs)
    }
    if (effects.length > 0) this.#world.carryOut(effects)
  }

  /** Results that its predecessor knew, and that have not come here yet. */
  #fetchResults(): void {
    for (const witness of this.#lease.view().witnesses)
      if (witness !== this.#world.self) this.#world.lacks(witness)
  }

  #takeOver(claims: readonly ClaimNote[], nowMs: number): void {
    for (const note of claims)
      if (this.isOurs(note.job) && this.#world.isMember(note.builder)) this.claims.note(note, nowMs)
  }

  #receiveClaim(from: NodeId, message: ClaimMessage, { nowMs }: Heard): Refusal | undefined {
    const refusal = this.#judge(from, message)
    if (refusal !== undefined) return refusal
    switch (message.kind) {
      case 'request':
        return this.#granting.onRequest(from, message, nowMs)
      case 'note-claim':
        return this.#onNoteClaim(from, message, nowMs)
      case 'claim-noted':
        return this.#granting.onNoted(from, message, nowMs)
      case 'progress':
        return this.#granting.onProgress(from, message, nowMs)
      case 'give-up':
        return this.#granting.onGiveUp(from, message, nowMs)
      case 'claimed':
        return message.claims.every((note) => this.claims.note(note, nowMs))
          ? undefined
          : refused('too-many-claims')
    }
  }

  #judge(from: NodeId, message: ClaimMessage): Refusal | undefined {
    const court = {
      self: this.#world.self,
      isMember: (node: NodeId) => this.#world.isMember(node),
      isOurs: (job: JobId) => this.isOurs(job),
      highestHeard: () => this.#lease.highestHeard()
    }
    return judgeClaim(court, from, message)
  }

  #onNoteClaim(from: NodeId, { claim }: Message<'note-claim'>, nowMs: number): Refusal | undefined {
    if (!this.claims.note(claim, nowMs)) return refused('too-many-claims')
    this.#world.send(from, { kind: 'claim-noted', shard: this.id, claim })
    return undefined
  }
}
