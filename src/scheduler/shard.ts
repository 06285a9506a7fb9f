import {
  isClaimMessage,
  isLeaseMessage,
  type ClaimMessage,
  type CoordinationMessage,
  type ShardId,
  type View
} from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { Claims } from './claims.ts'
import { Granting } from './granting.ts'
import { Lease } from './lease.ts'
import type { Heard, LeaseEffect, LeaseStart, Message } from './lease-types.ts'

export interface ShardWorld {
  readonly shard: ShardId
  readonly self: NodeId
  present(): readonly NodeId[]
  openJobs(): Iterable<JobId>
  hasOtherBuilder(builder: NodeId): boolean
  send(to: NodeId, message: CoordinationMessage): void
  gossip(message: CoordinationMessage): void
  /** Carries out in order; what follows a `remember` waits until it is durable. */
  carryOut(effects: readonly LeaseEffect[]): void
}

/** One node's part in one shard: its lease, its claims, and the desk that grants while this node holds. */
export class Shard {
  readonly id: ShardId
  readonly claims = new Claims()
  readonly #world: ShardWorld
  readonly #lease: Lease
  readonly #granting: Granting

  constructor(world: ShardWorld, start: LeaseStart) {
    this.id = world.shard
    this.#world = world
    this.#lease = new Lease(
      {
        shard: world.shard,
        self: world.self,
        present: () => world.present(),
        claims: () => this.claims.notes()
      },
      start
    )
    this.#granting = new Granting({
      shard: world.shard,
      self: world.self,
      claims: this.claims,
      authority: (nowMs) => this.#authority(nowMs),
      holder: (nowMs) => this.#lease.holder(nowMs),
      openJobs: () => world.openJobs(),
      hasOtherBuilder: (builder) => world.hasOtherBuilder(builder),
      send: (to, message) => {
        world.send(to, message)
      },
      gossip: (message) => {
        world.gossip(message)
      }
    })
  }

  tick(nowMs: number): void {
    this.#apply(this.#lease.tick(nowMs), nowMs)
    this.#granting.tick(nowMs)
  }

  receive(from: NodeId, message: CoordinationMessage, heard: Heard): void {
    if (isLeaseMessage(message)) this.#apply(this.#lease.receive(from, message, heard), heard.nowMs)
    else if (isClaimMessage(message)) this.#receiveClaim(from, message, heard)
  }

  onFinished(job: JobId): void {
    this.#granting.onFinished(job)
  }

  handOver(): void {
    this.#apply(this.#lease.handOver(), 0)
  }

  holder(nowMs: number): NodeId | undefined {
    return this.#lease.holder(nowMs)
  }

  hasAuthority(nowMs: number): boolean {
    return this.#lease.hasAuthority(nowMs)
  }

  /** Fence of the coordinator in office, as far as this node knows. */
  fence(): Fence | undefined {
    return this.#lease.fence() ?? this.#lease.highestHeard()
  }

  view(): View {
    return this.#lease.view()
  }

  #authority(nowMs: number): { readonly fence: Fence; readonly view: View } | undefined {
    const fence = this.#lease.fence()
    return fence !== undefined && this.#lease.hasAuthority(nowMs)
      ? { fence, view: this.#lease.view() }
      : undefined
  }

  #apply(effects: readonly LeaseEffect[], nowMs: number): void {
    for (const effect of effects) {
      if (effect.kind === 'elected') for (const note of effect.claims) this.claims.note(note, nowMs)
    }
    if (effects.length > 0) this.#world.carryOut(effects)
  }

  #receiveClaim(from: NodeId, message: ClaimMessage, { nowMs }: Heard): void {
    switch (message.kind) {
      case 'request':
        this.#granting.onRequest(from, message, nowMs)
        return
      case 'note-claim':
        this.#onNoteClaim(from, message, nowMs)
        return
      case 'claim-noted':
        this.#granting.onNoted(from, message, nowMs)
        return
      case 'progress':
        if (message.claim.builder === from) this.claims.note(message.claim, nowMs)
        return
      case 'give-up':
        this.#granting.onGiveUp(from, message, nowMs)
        return
      case 'claimed':
        for (const note of message.claims.filter(({ fence }) => fence.holder === from))
          this.claims.note(note, nowMs)
        return
    }
  }

  #onNoteClaim(from: NodeId, { claim }: Message<'note-claim'>, nowMs: number): void {
    const { fence } = claim
    if (fence.holder !== from || this.#isOutdated(fence)) return
    this.claims.note(claim, nowMs)
    this.#world.send(from, { kind: 'claim-noted', shard: this.id, claim })
  }

  #isOutdated(fence: Fence): boolean {
    const highest = this.#lease.highestHeard()
    return highest !== undefined && compareFences(fence, highest) < 0
  }
}
