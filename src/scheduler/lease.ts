import { viewHash, type LeaseMessage, type View } from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { PROMISE_MS } from '../core/limits.ts'
import { createCampaign, type Campaign } from './lease-campaign.ts'
import { Tenure } from './lease-tenure.ts'
import type { Heard, LeaseEffect, LeaseStart, LeaseWorld, Message } from './lease-types.ts'
import { proposeView } from './lease-view.ts'
import { Witness, type LeaseClaim } from './lease-witness.ts'

/** Claims that a promise hands to the candidate; bounded, because they travel in one message. */
const MAX_CLAIMS_IN_PROMISE = 200

/**
 * One node's part in the lease of one shard: witness, candidate, holder. A pure state machine: every input comes with the time on
 * this node's monotonic clock, every output is an effect for the caller to carry out in order. docs/protocol/coordination.md
 */
export class Lease {
  readonly #world: LeaseWorld
  readonly #witness: Witness
  readonly #campaign: Campaign
  #tenure: Tenure | undefined
  #effects: LeaseEffect[] = []

  constructor(world: LeaseWorld, { firstView, memory, nowMs }: LeaseStart) {
    this.#world = world
    this.#witness = new Witness(firstView, memory, nowMs)
    this.#campaign = createCampaign(world)
  }

  /** Every 250 ms or so. */
  tick(nowMs: number): readonly LeaseEffect[] {
    if (this.#tenure !== undefined) this.#tickHolder(this.#tenure, nowMs)
    this.#tickCampaign(nowMs)
    return this.#takeEffects()
  }

  receive(from: NodeId, message: LeaseMessage, heard: Heard): readonly LeaseEffect[] {
    this.#receive(from, message, heard)
    return this.#takeEffects()
  }

  /** Gives the lease back before this node stops, so that the next one need not wait for it to run out. */
  handOver(): readonly LeaseEffect[] {
    const { shard, self } = this.#world
    if (this.#tenure !== undefined) {
      const { fence } = this.#tenure
      for (const node of this.#world.present()) {
        if (node !== self) this.#send(node, { kind: 'hand-over', shard, fence })
      }
      this.#leaveOffice()
    }
    return this.#takeEffects()
  }

  /** May this node grant right now? To be asked immediately before every grant. */
  hasAuthority(nowMs: number): boolean {
    const tenure = this.#tenure
    return (
      tenure !== undefined && tenure.hasAuthority(nowMs) && tenure.isSettled(nowMs) && this.#campaign.idle()
    )
  }

  /** The fence under which this node grants, while it holds. */
  fence(): Fence | undefined {
    return this.#tenure?.fence
  }

  /** The coordinator, as far as this node knows; undefined when nobody was heard for longer than a promise lasts. */
  holder(nowMs: number): NodeId | undefined {
    if (this.#tenure !== undefined) return this.#world.self
    return this.#witness.silentMs(nowMs) < PROMISE_MS ? this.#witness.heard()?.holder : undefined
  }

  view(): View {
    return this.#witness.view()
  }

  /** The highest fence of a beat heard: grants below it are void. */
  highestHeard(): Fence | undefined {
    return this.#witness.heard()
  }

  #takeEffects(): readonly LeaseEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  #tickHolder(tenure: Tenure, nowMs: number): void {
    if (tenure.isOver(nowMs)) {
      this.#leaveOffice()
      return
    }
    this.#beat(tenure, nowMs)
    if (!this.#campaign.idle() || !tenure.hasAuthority(nowMs)) return
    const view = proposeView({
      shard: this.#world.shard,
      current: tenure.view,
      present: this.#world.present(),
      isHealthy: (node) => tenure.isHealthy(node, nowMs),
      settled: tenure.isSeasoned(nowMs)
    })
    if (view !== undefined) this.#prepare(view, nowMs, tenure.view)
  }

  #tickCampaign(nowMs: number): void {
    const step = this.#campaign.tick({
      nowMs,
      view: this.#witness.view(),
      silentMs: this.#witness.silentMs(nowMs),
      holding: this.#tenure !== undefined
    })
    if (step.kind === 'ask') for (const to of step.nodes) this.#send(to, step.message)
    if (step.kind === 'prepare') this.#prepare(step.view, nowMs)
  }

  #prepare(view: View, nowMs: number, replaces?: View): void {
    const { shard, self } = this.#world
    const known = [this.#witness.highest().term, this.#witness.heard()?.term ?? 0, this.#campaign.termFloor()]
    const fence: Fence = {
      epoch: view.epoch,
      view: viewHash(view),
      term: Math.max(...known) + 1,
      holder: self
    }
    this.#campaign.prepare({ fence, view, sentMs: nowMs, ...(replaces === undefined ? {} : { replaces }) })
    const asked = new Set([...view.witnesses, ...(replaces?.witnesses ?? [])])
    for (const witness of asked) this.#deliver(witness, { kind: 'prepare', shard, fence, view }, nowMs)
  }

  #beat(tenure: Tenure, nowMs: number): void {
    const seq = tenure.nextBeat(nowMs)
    if (seq === undefined) return
    const { fence, view } = tenure
    const beat: Message<'beat'> = {
      kind: 'beat',
      shard: this.#world.shard,
      fence,
      witnesses: view.witnesses,
      seq
    }
    this.#effects.push({ kind: 'gossip', message: beat })
    for (const witness of new Set([...view.witnesses, this.#world.self])) this.#deliver(witness, beat, nowMs)
  }

  #receive(from: NodeId, message: LeaseMessage, heard: Heard): void {
    switch (message.kind) {
      case 'beat':
        this.#onBeat(from, message, heard)
        return
      case 'ack':
        this.#onAck(from, message)
        return
      case 'nack':
        this.#onHigher(message.highest, message.view)
        return
      case 'pre-vote':
        this.#onPreVote(from, message, heard.nowMs)
        return
      case 'pre-vote-answer':
        this.#witness.adoptView(message.view)
        this.#campaign.answer(from, message)
        return
      case 'prepare':
        this.#onPrepare(from, message, heard.nowMs)
        return
      case 'promise':
        this.#onPromise(from, message, heard.nowMs)
        return
      case 'refuse':
        this.#campaign.refused(message)
        this.#onHigher(message.highest, message.view)
        return
      case 'hand-over':
        this.#witness.release(from, message.fence, heard.nowMs)
    }
  }

  #onBeat(from: NodeId, beat: Message<'beat'>, { nowMs, gossiped }: Heard): void {
    const claim: LeaseClaim = {
      fence: beat.fence,
      view: { epoch: beat.fence.epoch, witnesses: beat.witnesses }
    }
    const { fence, view } = claim
    if (fence.holder !== from || fence.view !== viewHash(view)) return
    const known = this.#witness.heard()
    if (known !== undefined && compareFences(fence, known) < 0) {
      if (!gossiped) this.#nack(from, known)
      return
    }
    if (this.#tenure !== undefined && compareFences(fence, this.#tenure.fence) > 0) this.#leaveOffice()
    this.#campaign.heardBeat(fence)
    this.#witness.hearBeat(claim, nowMs)
    if (gossiped || !view.witnesses.includes(this.#world.self)) return
    if (this.#witness.mayAcknowledge(claim, nowMs)) {
      this.#promise(claim, nowMs)
      this.#deliver(from, { kind: 'ack', shard: this.#world.shard, fence, seq: beat.seq }, nowMs)
    } else if (compareFences(fence, this.#witness.highest()) < 0) {
      this.#nack(from, this.#witness.highest())
    }
  }

  #onAck(from: NodeId, ack: Message<'ack'>): void {
    const tenure = this.#tenure
    if (tenure !== undefined && compareFences(ack.fence, tenure.fence) === 0)
      tenure.acknowledged(from, ack.seq)
  }

  #onPreVote(from: NodeId, ask: Message<'pre-vote'>, nowMs: number): void {
    this.#witness.adoptView(ask.view)
    const holding = this.#tenure?.hasAuthority(nowMs) === true
    this.#send(from, {
      kind: 'pre-vote-answer',
      shard: this.#world.shard,
      round: ask.round,
      recent: holding || this.#witness.heardAnother(from, nowMs),
      silent: !holding && this.#witness.isSilent(nowMs),
      view: this.#witness.view()
    })
  }

  #onPrepare(from: NodeId, prepare: Message<'prepare'>, nowMs: number): void {
    const { fence } = prepare
    const { shard } = this.#world
    if (fence.holder !== from) return
    if (this.#witness.judgePrepare(prepare, nowMs) !== 'promise') {
      const [highest, view] = [this.#witness.highest(), this.#witness.view()]
      this.#deliver(fence.holder, { kind: 'refuse', shard, fence, highest, view }, nowMs)
      return
    }
    this.#promise(prepare, nowMs)
    const claims = [...this.#world.claims()].slice(0, MAX_CLAIMS_IN_PROMISE)
    this.#deliver(fence.holder, { kind: 'promise', shard, fence, claims }, nowMs)
  }

  #onPromise(from: NodeId, promise: Message<'promise'>, nowMs: number): void {
    const won = this.#campaign.promised(from, promise)
    if (won === undefined) return
    const planned = won.replaces !== undefined && this.#tenure !== undefined
    this.#tenure = new Tenure(won, nowMs, planned)
    this.#effects.push({ kind: 'elected', claims: won.claims })
    this.#beat(this.#tenure, nowMs)
  }

  /** Somebody knows of a higher fence than ours. */
  #onHigher(highest: Fence, view: View): void {
    this.#campaign.raiseTerm(highest.term)
    this.#witness.adoptView(view)
    const tenure = this.#tenure
    if (
      tenure !== undefined &&
      highest.holder !== this.#world.self &&
      compareFences(highest, tenure.fence) > 0
    ) {
      this.#leaveOffice()
    }
  }

  #promise(claim: LeaseClaim, nowMs: number): void {
    const memory = this.#witness.promise(claim, nowMs)
    if (memory !== undefined) this.#effects.push({ kind: 'remember', memory })
  }

  #leaveOffice(): void {
    this.#tenure = undefined
    this.#effects.push({ kind: 'lost' })
  }

  #nack(to: NodeId, highest: Fence): void {
    this.#send(to, { kind: 'nack', shard: this.#world.shard, highest, view: this.#witness.view() })
  }

  /** A node is its own witness without asking the network. */
  #deliver(to: NodeId, message: LeaseMessage, nowMs: number): void {
    if (to === this.#world.self) this.#receive(to, message, { nowMs, gossiped: false })
    else this.#send(to, message)
  }

  #send(to: NodeId, message: LeaseMessage): void {
    this.#effects.push({ kind: 'send', to, message })
  }
}
