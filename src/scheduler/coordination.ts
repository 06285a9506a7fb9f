import { GOSSIPED, UPSTREAM_SHARD, type CoordinationMessage, type ShardId } from '../core/coordination.ts'
import { messageOf } from '../core/errors.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { JobId, NodeId, TargetId } from '../core/ids.ts'
import { GRANT_WINDOW_JOBS, MAX_TARGETS } from '../core/limits.ts'
import { sliceCount, sliceOfShard, targetOfJob } from '../core/shard.ts'
import type { Claim } from './claims.ts'
import type { CoordinationOptions, CoordinationParts, GrantReceiver } from './coordination-ports.ts'
import { EffectRunner } from './effect-runner.ts'
import type { WitnessMemory } from './lease-witness.ts'
import { PresenceBook } from './presence-book.ts'
import { PresenceTeller, type Workload } from './presence-teller.ts'
import { blamed, refused, type Refusal } from './refusal.ts'
import { Roster } from './roster.ts'
import { Shard } from './shard.ts'
import { shardWorld } from './shard-world.ts'
import { TargetDesk } from './target-desk.ts'

export type { CoordinationOptions, CoordinationParts, GrantReceiver } from './coordination-ports.ts'
export type { WitnessStore } from './effect-runner.ts'

/** The builders of every target are counted anew at least this often, even if nobody told of a change. */
const RECOUNT_MS = 30_000

/** This node's part in all shards: messages in, time in, messages out. */
export class Coordination {
  readonly presence = new PresenceBook()
  readonly #parts: CoordinationParts
  readonly #options: CoordinationOptions
  readonly #roster: Roster
  readonly #effects: EffectRunner
  readonly #teller: PresenceTeller
  readonly #desks = new Map<TargetId, TargetDesk>()
  readonly #shards = new Map<ShardId, Shard>()
  readonly #opening = new Set<ShardId>()
  #receiver: GrantReceiver | undefined
  #workload: Workload | undefined
  #recountMs = 0

  constructor(parts: CoordinationParts, options: CoordinationOptions) {
    const { self, boot } = options
    this.#parts = parts
    this.#options = options
    this.#roster = new Roster({
      self,
      presence: this.presence,
      connected: () => parts.connected(),
      isMember: (node) => parts.isMember(node),
      buildersOf: (target) => parts.buildersOf(target)
    })
    this.#effects = new EffectRunner({
      log: parts.log,
      witnesses: parts.witnesses,
      send: (to, message) => {
        this.send(to, message)
      },
      gossip: (message) => {
        parts.gossip(message)
      },
      onRemembered: (shard, memory) => this.#shards.get(shard)?.remembered(memory),
      onElected: (shard) => this.#receiver?.onNewHolder(shard)
    })
    this.#teller = new PresenceTeller({
      boot,
      workload: () => this.#workload,
      entryCount: () => parts.entryCount(),
      hasRoom: () => parts.hasRoom?.() ?? true,
      nodes: () => this.nodes(),
      tell: (presence) => {
        this.presence.note(self, presence, parts.clock.monotonicMs())
        parts.gossip(presence)
      }
    })
  }

  attach(receiver: GrantReceiver, workload: Workload): void {
    this.#receiver = receiver
    this.#workload = workload
  }

  /** Takes part in following upstream, or in the shards of a target, from now on. */
  open(what: TargetId | typeof UPSTREAM_SHARD): void {
    if (what === UPSTREAM_SHARD) this.#openShard(what)
    else if (!this.#desks.has(what) && this.#desks.size < MAX_TARGETS) {
      const desk = new TargetDesk(what)
      this.#desks.set(what, desk)
      this.#divide(desk)
    }
  }

  /** Members, or what they build for, changed. */
  membersChanged(): void {
    this.#roster.membersChanged()
    this.#recountMs = 0
  }

  tick(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    if (nowMs >= this.#recountMs) this.#recount(nowMs)
    for (const desk of this.#desks.values())
      for (const claim of desk.claims.expire(nowMs))
        this.#shards.get(desk.shardOf(claim.note.job))?.onExpired(claim, nowMs)
    for (const shard of this.#shards.values()) shard.tick(nowMs)
    this.#teller.tick(nowMs)
  }

  /** `from` is authentic: the connection's peer, or a verified author. Says why nothing came of it, if so. */
  receive(from: NodeId, message: CoordinationMessage, gossiped: boolean): Refusal | undefined {
    const refusal = this.#receive(from, message, gossiped)
    if (refusal?.blame === true) this.#parts.blame?.(from, refusal.rule)
    return refusal
  }

  /** A result is in the ledger: nobody need wait for its claim. */
  onFinished(job: JobId, target: TargetId): void {
    const desk = this.#desks.get(target)
    desk?.claims.finish(job)
    desk?.troubles.forget(job)
  }

  /** The claim on a job that this node knows of. */
  claimOn(job: JobId): Claim | undefined {
    return this.#desks.get(targetOfJob(job))?.claims.get(job)
  }

  /** Somebody else holds a claim on the job, or says that it builds it: a claim's renewals reach only its witnesses. */
  isClaimed(job: JobId): boolean {
    const builder = this.claimOn(job)?.note.builder ?? this.presence.whoRuns(job, this.#nowMs())
    return builder !== undefined && builder !== this.#options.self
  }

  /** Jobs of a shard that may be built now, most urgent first. */
  openJobs(shard: ShardId): Iterable<JobId> {
    const slice = sliceOfShard(shard)
    if (slice === undefined) return []
    const isServed = (target: TargetId): boolean => this.#roster.isServed(target, this.#nowMs())
    return this.#parts.board.openJobs(slice.target, { isServed, slice })
  }

  /** A job is offered that this node could take. Behind a window full of others' jobs nobody looks: asking tells. */
  hasWork(shard: ShardId, mayTake: (job: JobId) => boolean): boolean {
    let seen = 0
    for (const job of this.openJobs(shard))
      if (++seen > GRANT_WINDOW_JOBS || (!this.isClaimed(job) && mayTake(job))) return true
    return false
  }

  shard(shard: ShardId): Shard | undefined {
    return this.#shards.get(shard)
  }

  shards(): Iterable<Shard> {
    return this.#shards.values()
  }

  /** The shards of a target, as many as its builders need. */
  shardsOf(target: TargetId): readonly ShardId[] {
    return this.#desks.get(target)?.shards() ?? []
  }

  shardOf(job: JobId): ShardId {
    const target = targetOfJob(job)
    return this.#desks.get(target)?.shardOf(job) ?? target
  }

  holder(shard: ShardId): NodeId | undefined {
    return this.#shards.get(shard)?.holder(this.#nowMs())
  }

  witnesses(shard: ShardId): readonly NodeId[] {
    return this.#shards.get(shard)?.view().witnesses ?? []
  }

  /** The highest fence of a coordinator heard of. */
  highestFence(shard: ShardId): Fence | undefined {
    return this.#shards.get(shard)?.fence()
  }

  /** Nodes present, this one among them. */
  nodes(): number {
    return this.#roster.present(this.#nowMs()).length
  }

  /** This node is the elected observer of upstream. */
  observesUpstream(): boolean {
    return this.#shards.get(UPSTREAM_SHARD)?.hasAuthority(this.#nowMs()) === true
  }

  /** Hands every lease to the next; from then on this node leads nothing. */
  async handOver(): Promise<void> {
    for (const shard of this.#shards.values()) shard.handOver(this.#nowMs())
    await this.#effects.idle()
  }

  /** Hands every lease over and says goodbye. */
  async stop(): Promise<void> {
    await this.handOver()
    this.#teller.tell(false)
  }

  /** Tells everybody now rather than at the next turn: a newcomer connected. */
  announce(): void {
    this.#roster.connectionsChanged()
    this.#teller.hurry()
  }

  /** To itself a node talks without the network, but never inside the step that speaks. */
  send(to: NodeId, message: CoordinationMessage): void {
    if (to !== this.#options.self) this.#parts.send(to, message)
    else
      queueMicrotask(() => {
        this.receive(to, message, false)
      })
  }

  #receive(from: NodeId, message: CoordinationMessage, gossiped: boolean): Refusal | undefined {
    if (!travelsSo(message, gossiped)) return blamed('wrong-channel')
    if (from !== this.#options.self && !this.#parts.isMember(from)) return refused('stranger')
    if (message.kind === 'presence')
      return this.presence.note(from, message, this.#nowMs()) ? undefined : refused('not-newer')
    if (message.kind === 'grant') return this.#receiver?.onGrant(from, message)
    if (message.kind === 'no-grant') return this.#receiver?.onNoGrant(from, message)
    if (message.kind === 'progress-noted') return this.#receiver?.onProgressNoted(from, message)
    return this.#receiveForShard(from, message, gossiped)
  }

  #receiveForShard(
    from: NodeId,
    message: CoordinationMessage & { readonly shard: ShardId },
    gossiped: boolean
  ): Refusal | undefined {
    const shard = this.#shards.get(message.shard)
    if (shard === undefined) return refused('unknown-shard')
    const before = shard.fence()
    const refusal = shard.receive(from, message, { nowMs: this.#nowMs(), gossiped })
    const after = shard.fence()
    // Also when the same node took office anew: it may have forgotten everything in between.
    if (after !== undefined && (before === undefined || compareFences(after, before) !== 0))
      this.#receiver?.onNewHolder(message.shard)
    return refusal
  }

  #recount(nowMs: number): void {
    this.#roster.membersChanged()
    this.#recountMs = nowMs + RECOUNT_MS
    for (const desk of this.#desks.values()) this.#divide(desk)
  }

  /** Opens and closes shards as the builders of a target grow more or fewer. */
  #divide(desk: TargetDesk): void {
    const before = desk.shards()
    const count = (this.#options.sliceCount ?? sliceCount)(this.#roster.builders(desk.target).length)
    if (!desk.divide(count, this.#nowMs())) return
    // At once: whoever has not seen the change gets no more acknowledgements from here, neither of a beat nor of a grant.
    for (const shard of before) this.#shards.delete(shard)
    for (const shard of desk.shards()) this.#openShard(shard)
  }

  #openShard(shard: ShardId): void {
    if (this.#shards.has(shard) || this.#opening.has(shard)) return
    this.#opening.add(shard)
    // After what was decided before: a shard that is opened again must find what it promised.
    void this.#effects
      .idle()
      .then(() => this.#parts.witnesses.load(shard))
      .then((memory) => {
        if (this.#isWanted(shard)) this.#shards.set(shard, this.#makeShard(shard, memory))
      })
      .catch((error: unknown) => {
        const facts = { shard, error: messageOf(error) }
        this.#parts.log.error('a witness memory cannot be read; this node takes no part in the shard', facts)
      })
      .finally(() => this.#opening.delete(shard))
  }

  #isWanted(shard: ShardId): boolean {
    const target = sliceOfShard(shard)?.target
    return target === undefined || this.shardsOf(target).includes(shard)
  }

  #makeShard(shard: ShardId, memory: WitnessMemory | undefined): Shard {
    const { roots } = this.#options
    const firstView = { epoch: 0, witnesses: roots.slice(0, 5) }
    const start = { firstView, memory, nowMs: this.#nowMs() }
    const target = sliceOfShard(shard)?.target
    const desk = target === undefined ? undefined : this.#desks.get(target)
    const world = shardWorld(shard, desk, {
      ...this.#parts,
      self: this.#options.self,
      roster: this.#roster,
      effects: this.#effects,
      openJobs: () => this.openJobs(shard),
      send: (to, message) => {
        this.send(to, message)
      }
    })
    return new Shard(world, start, this.#options.rules)
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs()
  }
}

/** Beats go both ways, every other kind one. */
function travelsSo({ kind }: CoordinationMessage, gossiped: boolean): boolean {
  return kind === 'beat' || GOSSIPED.has(kind) === gossiped
}
