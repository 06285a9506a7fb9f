import { viewHash, type LeaseMessage, type View } from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { PROMISE_MS } from '../core/limits.ts'
import type { Bid, Campaign, WonBid } from './lease-campaign.ts'
import { blamed, checkAnswered, refused } from './lease-checks.ts'
import { WitnessDesk } from './lease-desk.ts'
import type { BidTarget } from './lease-hints.ts'
import { Holder } from './lease-holder.ts'
import { Knowledge } from './lease-knowledge.ts'
import { Outbox } from './lease-outbox.ts'
import { isDue, isSucceeding, type Succession } from './lease-succession.ts'
import type {
  Heard,
  LeaseClaim,
  LeaseEffect,
  LeaseOutcome,
  LeaseRefusal,
  LeaseRule,
  LeaseStart,
  LeaseWorld,
  Message,
  WitnessMemory
} from './lease-types.ts'
import type { Witness } from './lease-witness.ts'
import { SOUND_RULES, type ProtocolRules } from './protocol-rules.ts'

/**
 * One node's part in the lease of one shard: witness, candidate, holder. A pure state machine: every input comes with the time on
 * this node's monotonic clock, every output is an effect for the caller to carry out in order. docs/protocol/coordination.md
 */
export class Lease {
  readonly #world: LeaseWorld
  readonly #outbox = new Outbox()
  readonly #witness: Witness
  readonly #desk: WitnessDesk
  readonly #campaign: Campaign
  readonly #knowledge: Knowledge
  readonly #holder: Holder
  #succession: Succession | undefined
  /** Handed over: from now on only a witness. */
  #isRetired = false

  constructor(world: LeaseWorld, start: LeaseStart, rules: ProtocolRules = SOUND_RULES) {
    this.#world = world
    this.#witness = rules.makeWitness(start)
    this.#desk = new WitnessDesk(world, this.#witness, this.#outbox)
    this.#campaign = rules.makeCampaign(world)
    this.#knowledge = new Knowledge(world, this.#witness, this.#campaign)
    this.#holder = new Holder({
      world,
      rules,
      campaign: this.#campaign,
      knowledge: this.#knowledge,
      outbox: this.#outbox,
      tell: (nodes, message, nowMs) => {
        this.#tell(nodes, message, nowMs)
      },
      changeView: (target, nowMs) => {
        this.#prepare(target, 'change', nowMs)
      }
    })
  }

  /** Every 250 ms or so. */
  tick(nowMs: number): readonly LeaseEffect[] {
    // It could not take in the results of its builders.
    if (this.#holder.tenure() !== undefined && this.#world.mayLead?.() === false) this.#leave(nowMs)
    this.#holder.tick(nowMs)
    if (!this.#isRetired) this.#tickCandidate(nowMs)
    return this.#outbox.take()
  }

  receive(from: NodeId, message: LeaseMessage, heard: Heard): LeaseOutcome {
    const refusal = this.#receive(from, message, heard)
    const effects = this.#outbox.take()
    return refusal === undefined ? { effects } : { effects, refusal }
  }

  /** A memory that a `remember` asked for is on the disk. */
  remembered(memory: WitnessMemory): void {
    this.#desk.remembered(memory)
  }

  /** Gives the lease back before this node stops, so that the next one need not wait for it to run out. */
  handOver(nowMs: number): readonly LeaseEffect[] {
    this.#isRetired = true
    this.#leave(nowMs)
    return this.#outbox.take()
  }

  /** May this node grant right now? To be asked immediately before every grant. */
  hasAuthority(nowMs: number): boolean {
    return this.#holder.hasAuthority(nowMs) && this.#holder.tenure()?.isSettled(nowMs) === true
  }

  /** The fence under which this node grants, while it holds. */
  fence(): Fence | undefined {
    return this.#holder.tenure()?.fence
  }

  /** The coordinator, as far as this node knows; undefined when nobody was heard for longer than a promise lasts. */
  holder(nowMs: number): NodeId | undefined {
    if (this.#holder.tenure() !== undefined) return this.#world.self
    return this.#witness.silentMs(nowMs) < PROMISE_MS ? this.#witness.heard()?.holder : undefined
  }

  view(): View {
    return this.#holder.tenure()?.view ?? this.#witness.state().view
  }

  /** The highest fence of a beat heard: grants below it are void. */
  highestHeard(): Fence | undefined {
    return this.#witness.heard()
  }

  #tickCandidate(nowMs: number): void {
    const step = this.#campaign.tick({
      nowMs,
      state: this.#witness.state(),
      heard: this.#witness.heard(),
      silentMs: this.#witness.silentMs(nowMs),
      holding: this.#holder.tenure() !== undefined
    })
    if (step.kind === 'ask') for (const to of step.nodes) this.#outbox.send(to, step.message)
    if (step.kind === 'prepare') this.#prepare(step, 'election', nowMs)
    const bid = this.#campaign.bid()
    if (!isSucceeding(bid)) this.#succession = undefined
    else if (isDue(this.#succession, bid, nowMs)) this.#succeed(nowMs)
  }

  #leave(nowMs: number): void {
    const fence = this.#holder.handOver(nowMs)
    if (fence !== undefined) this.#witness.release(this.#world.self, fence, nowMs)
    this.#campaign.drop()
  }

  #succeed(nowMs: number): void {
    this.#prepare(this.#campaign.target(this.#witness.state()), 'succession', nowMs)
  }

  #prepare({ view, replaces, quorum = [] }: BidTarget, purpose: Bid['purpose'], nowMs: number): void {
    const { shard, self } = this.#world
    const term = this.#knowledge.counters().term + 1
    const fence: Fence = { epoch: view.epoch, view: viewHash(view), term, holder: self }
    const target = replaces === undefined ? { view } : { view, replaces }
    const more = quorum.length === 0 ? {} : { quorum }
    this.#campaign.prepare({ ...target, ...more, fence, sentMs: nowMs, purpose })
    const message: Message<'prepare'> = { kind: 'prepare', shard, fence, ...target }
    this.#tell([...view.witnesses, ...(replaces?.witnesses ?? []), ...quorum], message, nowMs)
  }

  /** A node hears itself without the network, after it has told all others. Its answer to itself goes the way of the others. */
  #tell(nodes: readonly NodeId[], message: LeaseMessage, nowMs: number): void {
    const { self } = this.#world
    for (const node of new Set(nodes)) if (node !== self) this.#outbox.send(node, message)
    if (nodes.includes(self)) this.#receive(self, message, { nowMs, gossiped: false })
  }

  #receive(from: NodeId, message: LeaseMessage, heard: Heard): LeaseRefusal | undefined {
    const { nowMs } = heard
    switch (message.kind) {
      case 'beat':
        return this.#onBeat(from, message, heard)
      case 'ack':
        return this.#holder.onAck(from, message, nowMs)
      case 'nack':
        return this.#holder.onNack(from, message)
      case 'pre-vote':
        return this.#onPreVote(from, message, nowMs)
      case 'pre-vote-answer':
        return this.#onPreVoteAnswer(from, message, nowMs)
      case 'prepare':
        return this.#onPrepare(from, message, nowMs)
      case 'promise':
        return this.#onPromise(from, message, nowMs)
      case 'refuse':
        return this.#onRefuse(from, message, nowMs)
      case 'hand-over':
        return this.#onHandOver(from, message, nowMs)
    }
  }

  #onBeat(from: NodeId, beat: Message<'beat'>, { nowMs, gossiped }: Heard): LeaseRefusal | undefined {
    const { fence, witnesses, seq } = beat
    const claim: LeaseClaim = { fence, view: { epoch: fence.epoch, witnesses } }
    const wrong = this.#knowledge.judgeClaim(from, claim)
    if (wrong !== undefined) return wrong
    if (this.#witness.isHandedOver(fence)) return refused('handed-over')
    const known = this.#witness.heard()
    if (known !== undefined && compareFences(fence, known) < 0) {
      // Whoever holds says so itself: the other may be one that gossip does not reach.
      if (gossiped) this.#holder.tell(from)
      else this.#desk.nack(from, known)
      return refused('stale-fence')
    }
    this.#holder.heardBeat(fence)
    this.#campaign.heardBeat(fence)
    this.#witness.hearBeat(claim, nowMs)
    if (gossiped || !witnesses.includes(this.#world.self)) return undefined
    return asRefusal(this.#desk.onBeat(claim, seq, nowMs))
  }

  #onPreVote(from: NodeId, ask: Message<'pre-vote'>, nowMs: number): LeaseRefusal | undefined {
    // The view that a candidate names binds nobody: who is behind learns it from the answers.
    this.#campaign.heardPreVote(from, nowMs)
    const wrong = this.#knowledge.judgeViews(ask)
    const office = this.#holder.hasAuthority(nowMs) ? this.fence() : undefined
    if (wrong?.blame !== true) this.#desk.onPreVote(from, ask, office, nowMs)
    return wrong
  }

  #onPreVoteAnswer(
    from: NodeId,
    answer: Message<'pre-vote-answer'>,
    nowMs: number
  ): LeaseRefusal | undefined {
    const wrong = this.#knowledge.judgeViews(answer)
    if (wrong !== undefined || this.#holder.onPreVoteAnswer(from, answer, nowMs)) return wrong
    return asRefusal(this.#campaign.answer(from, answer))
  }

  #onPrepare(from: NodeId, prepare: Message<'prepare'>, nowMs: number): LeaseRefusal | undefined {
    return this.#knowledge.judgeClaim(from, prepare) ?? asRefusal(this.#desk.onPrepare(prepare, nowMs))
  }

  #onPromise(from: NodeId, promise: Message<'promise'>, nowMs: number): LeaseRefusal | undefined {
    const wrong = this.#judgeAnswer(from, promise.fence)
    if (wrong !== undefined) return wrong
    if (!this.#campaign.isOut(promise.fence)) return asRefusal(this.#holder.heardLate(promise, nowMs))
    const won = this.#campaign.promised(from, promise)
    if (won !== undefined) this.#takeOffice(won, nowMs)
    return undefined
  }

  #onRefuse(from: NodeId, refusal: Message<'refuse'>, nowMs: number): LeaseRefusal | undefined {
    const wrong = this.#judgeAnswer(from, refusal.fence) ?? this.#knowledge.hear(refusal)
    if (wrong === undefined && this.#campaign.isOut(refusal.fence))
      this.#campaign.refused(from, refusal, this.#witness.state(), nowMs)
    return wrong
  }

  #judgeAnswer(from: NodeId, fence: Fence): LeaseRefusal | undefined {
    const wrong = checkAnswered(fence, this.#world.self)
    if (wrong !== undefined) return wrong
    const rule = this.#campaign.judgeAnswer(from, fence)
    // Nobody else was asked under this fence.
    return rule === 'not-a-witness' ? blamed(rule) : asRefusal(rule)
  }

  #onHandOver(from: NodeId, message: Message<'hand-over'>, nowMs: number): LeaseRefusal | undefined {
    const { fence, to, claims, complete } = message
    if (fence.holder !== from) return blamed('foreign-fence')
    const leap = this.#knowledge.judgeLeap(fence)
    if (leap !== undefined) return blamed(leap)
    const wasInOffice = this.#witness.silentMs(nowMs) < PROMISE_MS
    const rule = this.#desk.onHandOver(from, message, nowMs)
    if (rule !== undefined) return refused(rule)
    const isFree = wasInOffice && this.#holder.tenure() === undefined && !this.#isRetired
    if (to !== this.#world.self || !isFree || this.#world.mayLead?.() === false) return undefined
    this.#campaign.raise(fence)
    this.#succession = { claims, complete, sinceMs: nowMs }
    this.#succeed(nowMs)
    return undefined
  }

  #takeOffice(won: WonBid, nowMs: number): void {
    const succession = won.purpose === 'succession' ? this.#succession : undefined
    const keeps = won.purpose === 'change' && this.#holder.tenure() !== undefined
    this.#succession = undefined
    const known = {
      claims: [...won.claims, ...(succession?.claims ?? [])],
      settled: keeps || succession?.complete === true
    }
    this.#holder.takeOffice(won, known, nowMs)
  }
}

function asRefusal(rule: LeaseRule | undefined): LeaseRefusal | undefined {
  return rule === undefined ? undefined : refused(rule)
}
