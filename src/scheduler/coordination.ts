import { GOSSIPED, UPSTREAM_SHARD, type CoordinationMessage, type ShardId } from '../core/coordination.ts'
import { messageOf } from '../core/errors.ts'
import type { JobId, NodeId, TargetId } from '../core/ids.ts'
import { MAX_TARGETS } from '../core/limits.ts'
import type { Clock, Log } from '../core/ports.ts'
import type { LeaseEffect } from './lease-types.ts'
import type { WitnessMemory } from './lease-witness.ts'
import type { JobBoard } from './job-board.ts'
import { PresenceBook } from './presence-book.ts'
import { PresenceTeller, type Workload } from './presence-teller.ts'
import { Shard } from './shard.ts'

/** What a witness must not forget, on disk. */
export interface WitnessStore {
  load(shard: ShardId): Promise<WitnessMemory | undefined>
  /** Synced before it resolves. */
  save(shard: ShardId, memory: WitnessMemory): Promise<void>
}

export interface CoordinationParts {
  readonly clock: Clock
  readonly log: Log
  readonly board: JobBoard
  readonly witnesses: WitnessStore
  /** Members to which there is a connection now. */
  connected(): readonly NodeId[]
  isMember(node: NodeId): boolean
  /** Members that build for a target. */
  buildersOf(target: TargetId): readonly NodeId[]
  send(to: NodeId, message: CoordinationMessage): void
  gossip(message: CoordinationMessage): void
  entryCount(): number
}

export interface CoordinationOptions {
  readonly self: NodeId
  readonly roots: readonly NodeId[]
  /** Random per process. */
  readonly boot: number
}

/** The builder's side of claims. */
export interface GrantReceiver {
  onGrant(from: NodeId, message: Extract<CoordinationMessage, { kind: 'grant' }>): void
  onNoGrant(from: NodeId, message: Extract<CoordinationMessage, { kind: 'no-grant' }>): void
  /** A new coordinator is in office: it may not know of running builds. */
  onNewHolder(shard: ShardId): void
}

/** Bound on shards: one per target that a mesh may have, and following upstream. */
const MAX_SHARDS = MAX_TARGETS + 1

/** This node's part in all shards: messages in, time in, messages out. */
export class Coordination {
  readonly presence = new PresenceBook()
  readonly #parts: CoordinationParts
  readonly #options: CoordinationOptions
  readonly #shards = new Map<ShardId, Shard>()
  readonly #opening = new Set<ShardId>()
  #receiver: GrantReceiver | undefined
  readonly #teller: PresenceTeller
  #workload: Workload | undefined
  /** Effects are carried out one after the other, so that nothing overtakes a write that must come first. */
  #turn: Promise<void> = Promise.resolve()

  constructor(parts: CoordinationParts, options: CoordinationOptions) {
    this.#parts = parts
    this.#options = options
    this.#teller = new PresenceTeller({
      boot: options.boot,
      workload: () => this.#workload,
      entryCount: () => parts.entryCount(),
      tell: (presence) => {
        this.presence.note(options.self, presence, parts.clock.monotonicMs())
        parts.gossip(presence)
      }
    })
  }

  attach(receiver: GrantReceiver, workload: Workload): void {
    this.#receiver = receiver
    this.#workload = workload
  }

  /** Takes part in a shard from now on. */
  open(shard: ShardId): void {
    if (
      this.#shards.has(shard) ||
      this.#opening.has(shard) ||
      this.#opening.size + this.#shards.size >= MAX_SHARDS
    )
      return
    this.#opening.add(shard)
    void this.#parts.witnesses
      .load(shard)
      .then((memory) => {
        this.#shards.set(shard, this.#makeShard(shard, memory))
      })
      .catch((error: unknown) => {
        this.#parts.log.error(
          'what this node promised as a witness cannot be read; it takes no part in this shard',
          {
            shard,
            error: messageOf(error)
          }
        )
      })
      .finally(() => this.#opening.delete(shard))
  }

  tick(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const shard of this.#shards.values()) shard.tick(nowMs)
    this.#teller.tick(nowMs, this.#present().length)
  }

  /** `from` is authentic: the connection's peer, or a verified author. */
  receive(from: NodeId, message: CoordinationMessage, gossiped: boolean): void {
    if (GOSSIPED.has(message.kind) !== gossiped && message.kind !== 'beat') return
    const nowMs = this.#parts.clock.monotonicMs()
    if (message.kind === 'presence') this.presence.note(from, message, nowMs)
    else if (message.kind === 'grant') this.#receiver?.onGrant(from, message)
    else if (message.kind === 'no-grant') this.#receiver?.onNoGrant(from, message)
    else this.#receiveForShard(from, message, { nowMs, gossiped })
  }

  /** A result is in the ledger: nobody need wait for its claim. */
  onFinished(job: JobId, target: TargetId): void {
    this.#shards.get(target)?.onFinished(job)
  }

  /** Somebody else holds a claim on the job, or says that it builds it: a claim's renewals reach only its witnesses. */
  isClaimed(job: JobId): boolean {
    const shard = this.#shards.get(job.slice(job.lastIndexOf('@') + 1) as TargetId)
    const nowMs = this.#parts.clock.monotonicMs()
    const builder = shard?.claims.get(job)?.note.builder ?? this.presence.whoRuns(job, nowMs)
    return builder !== undefined && builder !== this.#options.self
  }

  /** Jobs of a target that may be built now, most urgent first. */
  openJobs(target: TargetId): Iterable<JobId> {
    return this.#parts.board.openJobs(target, (one) => this.#isServed(one))
  }

  shard(shard: ShardId): Shard | undefined {
    return this.#shards.get(shard)
  }

  shards(): Iterable<Shard> {
    return this.#shards.values()
  }

  holder(shard: ShardId): NodeId | undefined {
    return this.#shards.get(shard)?.holder(this.#parts.clock.monotonicMs())
  }

  /** This node is the elected observer of upstream. */
  observesUpstream(): boolean {
    return this.#shards.get(UPSTREAM_SHARD)?.hasAuthority(this.#parts.clock.monotonicMs()) === true
  }

  /** Hands every lease back and says goodbye. */
  async stop(): Promise<void> {
    for (const shard of this.#shards.values()) shard.handOver()
    await this.#turn
    this.#teller.tell(false)
  }

  /** Tells everybody now rather than at the next turn: a newcomer connected, or a build began. */
  announce(): void {
    this.#teller.hurry()
  }

  #receiveForShard(
    from: NodeId,
    message: CoordinationMessage & { readonly shard: ShardId },
    heard: { nowMs: number; gossiped: boolean }
  ): void {
    const shard = this.#shards.get(message.shard)
    if (shard === undefined) {
      this.open(message.shard)
      return
    }
    const before = shard.fence()
    shard.receive(from, message, heard)
    const after = shard.fence()
    if (after !== undefined && after.holder !== before?.holder) this.#receiver?.onNewHolder(message.shard)
  }

  #makeShard(shard: ShardId, memory: WitnessMemory | undefined): Shard {
    const { clock } = this.#parts
    return new Shard(
      {
        shard,
        self: this.#options.self,
        present: () => this.#present(),
        openJobs: () => (shard === UPSTREAM_SHARD ? [] : this.openJobs(shard)),
        hasOtherBuilder: (builder) => this.#hasOtherBuilder(shard, builder),
        send: (to, message) => {
          this.send(to, message)
        },
        gossip: (message) => {
          this.#parts.gossip(message)
        },
        carryOut: (effects) => {
          this.#carryOut(shard, effects)
        }
      },
      {
        firstView: { epoch: 0, witnesses: this.#options.roots.slice(0, 5) },
        memory,
        nowMs: clock.monotonicMs()
      }
    )
  }

  #present(): readonly NodeId[] {
    const nowMs = this.#parts.clock.monotonicMs()
    const here = new Set<NodeId>([
      this.#options.self,
      ...this.#parts.connected(),
      ...this.presence.present(nowMs)
    ])
    return [...here].filter((node) => this.#parts.isMember(node) && !this.presence.hasLeft(node))
  }

  #isServed(target: TargetId): boolean {
    const nowMs = this.#parts.clock.monotonicMs()
    return this.#parts.buildersOf(target).some((node) => this.#isHere(node, nowMs))
  }

  #isHere(node: NodeId, nowMs: number): boolean {
    return node === this.#options.self || this.presence.isPresent(node, nowMs)
  }

  #hasOtherBuilder(shard: ShardId, builder: NodeId): boolean {
    if (shard === UPSTREAM_SHARD) return false
    const nowMs = this.#parts.clock.monotonicMs()
    return this.#parts.buildersOf(shard).some((node) => node !== builder && this.#isHere(node, nowMs))
  }

  #carryOut(shard: ShardId, effects: readonly LeaseEffect[]): void {
    this.#turn = this.#turn
      .then(async () => {
        for (const effect of effects) await this.#effect(shard, effect)
      })
      .catch((error: unknown) => {
        // What a witness cannot remember it must not promise: the rest of this step stays unsaid.
        this.#parts.log.error('a promise as a witness could not be stored', {
          shard,
          error: messageOf(error)
        })
      })
  }

  async #effect(shard: ShardId, effect: LeaseEffect): Promise<void> {
    switch (effect.kind) {
      case 'send':
        this.send(effect.to, effect.message)
        return
      case 'gossip':
        this.#parts.gossip(effect.message)
        return
      case 'remember':
        await this.#parts.witnesses.save(shard, effect.memory)
        return
      case 'elected':
        this.#parts.log.info('this node coordinates', { shard, claims: effect.claims.length })
        return
      case 'lost':
        this.#parts.log.info('this node coordinates no more', { shard })
        return
    }
  }

  /** To itself a node talks without the network, but never inside the step that speaks. */
  send(to: NodeId, message: CoordinationMessage): void {
    if (to !== this.#options.self) this.#parts.send(to, message)
    else
      queueMicrotask(() => {
        this.receive(to, message, false)
      })
  }
}
