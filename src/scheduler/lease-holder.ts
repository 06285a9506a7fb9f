import type { ClaimNote, LeaseMessage } from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import type { Campaign, WonBid } from './lease-campaign.ts'
import { ViewChange } from './lease-change.ts'
import { blamed, checkAnswered, refused } from './lease-checks.ts'
import { carriedClaims } from './lease-claims.ts'
import type { BidTarget } from './lease-hints.ts'
import type { Knowledge } from './lease-knowledge.ts'
import type { Outbox } from './lease-outbox.ts'
import { chooseSuccessor } from './lease-succession.ts'
import type { Tenure } from './lease-tenure.ts'
import type { LeaseRefusal, LeaseRule, LeaseWorld, Message } from './lease-types.ts'
import { proposeView } from './lease-view.ts'
import type { ProtocolRules } from './protocol-rules.ts'

export interface HolderParts {
  readonly world: LeaseWorld
  readonly rules: ProtocolRules
  readonly campaign: Campaign
  readonly knowledge: Knowledge
  readonly outbox: Outbox
  /** To these nodes, and to itself if it is one of them. */
  tell(nodes: readonly NodeId[], message: LeaseMessage, nowMs: number): void
  /** Asks for promises for another view. */
  changeView(target: BidTarget, nowMs: number): void
}

/** The coordinator's part of a lease: it beats, counts who acknowledges, changes its view and hands over. Rules H1 to H6. */
export class Holder {
  readonly #parts: HolderParts
  readonly #change = new ViewChange()
  #tenure: Tenure | undefined

  constructor(parts: HolderParts) {
    this.#parts = parts
  }

  /** While it holds. */
  tenure(): Tenure | undefined {
    return this.#tenure
  }

  hasAuthority(nowMs: number): boolean {
    return this.#tenure?.hasAuthority(nowMs) === true
  }

  takeOffice(
    { fence, view, sentMs }: WonBid,
    known: { readonly claims: readonly ClaimNote[]; readonly settled: boolean },
    nowMs: number
  ): void {
    this.#change.drop()
    const { settled, claims } = known
    const tenure = this.#parts.rules.makeTenure({ fence, view, sentMs, nowMs, settled })
    this.#tenure = tenure
    this.#parts.outbox.push({ kind: 'elected', claims })
    this.#beat(tenure, nowMs)
  }

  leaveOffice(): void {
    if (this.#tenure === undefined) return
    this.#tenure = undefined
    this.#change.drop()
    const { campaign, outbox } = this.#parts
    if (campaign.bid()?.purpose === 'change') campaign.drop()
    outbox.push({ kind: 'lost' })
  }

  tick(nowMs: number): void {
    const tenure = this.#tenure
    if (tenure === undefined) return
    if (tenure.isOver(nowMs)) {
      this.leaveOffice()
      return
    }
    // Who is present is looked at once a beat: it costs a look at every node of the mesh.
    if (this.#beat(tenure, nowMs) && tenure.isSeasoned(nowMs)) this.#probeView(tenure, nowMs)
    this.#prepareProbed(nowMs)
  }

  /** A higher fence than the own one was heard to beat. */
  heardBeat(fence: Fence): void {
    if (this.#tenure !== undefined && compareFences(fence, this.#tenure.fence) > 0) this.leaveOffice()
  }

  onAck(from: NodeId, { fence, seq }: Message<'ack'>, nowMs: number): LeaseRefusal | undefined {
    const wrong = checkAnswered(fence, this.#parts.world.self)
    if (wrong !== undefined) return wrong
    const tenure = this.#tenure
    if (tenure === undefined || compareFences(fence, tenure.fence) !== 0) return refused('unasked')
    const rule = tenure.acknowledged(from, seq, nowMs)
    if (rule === undefined) return undefined
    // Only the witnesses that a beat names can answer it.
    return rule === 'not-a-witness' ? blamed(rule) : refused(rule)
  }

  /**
   * A promise after the majority's. Its claims count until this node grants: the majority may have been witnesses that were restarted
   * and know of none.
   */
  heardLate({ fence, claims }: Message<'promise'>, nowMs: number): LeaseRule | undefined {
    const tenure = this.#tenure
    if (tenure === undefined || compareFences(fence, tenure.fence) !== 0 || tenure.isSettled(nowMs))
      return 'unasked'
    this.#parts.outbox.push({ kind: 'told', claims })
    return undefined
  }

  /** Somebody knows of a higher fence than ours. One alone cannot unseat a holder that a majority acknowledges. */
  onNack(from: NodeId, nack: Message<'nack'>): LeaseRefusal | undefined {
    const { campaign, knowledge } = this.#parts
    const tenure = this.#tenure
    if (tenure === undefined || compareFences(nack.highest, tenure.fence) <= 0) return refused('unasked')
    if (!tenure.view.witnesses.includes(from)) return refused('not-a-witness')
    const wrong = knowledge.hear(nack)
    if (wrong !== undefined || !tenure.refusedBy(from)) return wrong
    this.leaveOffice()
    campaign.learn(nack)
    return undefined
  }

  /** False: not what this holder asked. */
  onPreVoteAnswer(from: NodeId, answer: Message<'pre-vote-answer'>, nowMs: number): boolean {
    const isAnswer = this.#change.answer(from, answer)
    if (isAnswer) this.#prepareProbed(nowMs)
    return isAnswer
  }

  /** Rule H6. The fence under which nothing is granted any more, neither under any below. */
  handOver(nowMs: number): Fence | undefined {
    const tenure = this.#tenure
    if (tenure === undefined) return undefined
    const { world, campaign, outbox } = this.#parts
    const bid = campaign.bid()
    const fence = bid !== undefined && compareFences(bid.fence, tenure.fence) > 0 ? bid.fence : tenure.fence
    const to = tenure.hasAuthority(nowMs)
      ? chooseSuccessor(world, tenure.view, (node) => tenure.isHealthy(node, nowMs))
      : ''
    for (const node of new Set([...tenure.view.witnesses, ...world.present()])) {
      if (node === world.self) continue
      const told = node === to ? carriedClaims(world.claims()) : { claims: [], complete: false }
      outbox.send(node, { kind: 'hand-over', shard: world.shard, fence, to, ...told })
    }
    this.leaveOffice()
    return fence
  }

  /** To a node that still beats under a lower fence, if this one holds. */
  tell(node: NodeId): void {
    const tenure = this.#tenure
    if (tenure !== undefined) this.#parts.outbox.send(node, this.#beatOf(tenure, tenure.lastSeq()))
  }

  /** True when one was due. */
  #beat(tenure: Tenure, nowMs: number): boolean {
    const seq = tenure.nextBeat(nowMs)
    if (seq === undefined) return false
    const beat = this.#beatOf(tenure, seq)
    this.#parts.outbox.push({ kind: 'gossip', message: beat })
    this.#parts.tell([...beat.witnesses, this.#parts.world.self], beat, nowMs)
    return true
  }

  #beatOf({ fence, view }: Tenure, seq: number): Message<'beat'> {
    return { kind: 'beat', shard: this.#parts.world.shard, fence, witnesses: view.witnesses, seq }
  }

  #probeView(tenure: Tenure, nowMs: number): void {
    const { campaign, knowledge, outbox, world } = this.#parts
    if (campaign.bid() !== undefined || !this.#change.isIdle() || !tenure.hasAuthority(nowMs)) return
    const { shard } = world
    const view = proposeView({
      shard,
      current: tenure.view,
      lastEpoch: knowledge.lastEpoch(),
      present: world.present(),
      isHealthy: (node) => tenure.isHealthy(node, nowMs)
    })
    if (view === undefined) return
    const round = campaign.nextRound()
    for (const to of this.#change.begin(tenure.view, view, round, nowMs)) {
      outbox.send(to, { kind: 'pre-vote', shard, round, view: tenure.view })
    }
  }

  #prepareProbed(nowMs: number): void {
    const view = this.#change.ready(nowMs)
    const tenure = this.#tenure
    if (view === undefined || tenure?.hasAuthority(nowMs) !== true) return
    this.#parts.changeView({ view, replaces: tenure.view }, nowMs)
  }
}
