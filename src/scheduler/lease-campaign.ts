import { compareViews, majorityOf, type ClaimNote, type ShardId, type View } from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { PROMISE_MS, VIEW_CHANGE_SILENCE_MS } from '../core/limits.ts'
import { rendezvousOrder } from '../core/rendezvous.ts'
import type { Message } from './lease-types.ts'
import { emergencyView } from './lease-view.ts'

/** First wait after the promise time, and the wait per rank after it: one candidate is done before the next begins. */
const FIRST_WAIT_MS = 300
const RANK_WAIT_MS = 700
/** How long answers to a pre-vote are gathered; longer when a whole view is to be replaced. */
const PRE_VOTE_MS = 800
const VIEW_PRE_VOTE_MS = 2_000
/** A candidate waits this long for promises, and between two tries. */
const PREPARE_MS = 2_000
const RETRY_MS = 2_000
/** Failed tries after which the view itself is taken to be out of reach. */
const TRIES_BEFORE_VIEW_CHANGE = 3

export interface CampaignWorld {
  readonly shard: ShardId
  readonly self: NodeId
  present(): readonly NodeId[]
}

export interface CampaignInput {
  readonly nowMs: number
  readonly view: View
  readonly silentMs: number
  readonly holding: boolean
}

export type CampaignStep =
  | { readonly kind: 'none' }
  | { readonly kind: 'ask'; readonly nodes: readonly NodeId[]; readonly message: Message<'pre-vote'> }
  | { readonly kind: 'prepare'; readonly view: View }

export interface Bid {
  readonly fence: Fence
  readonly view: View
  readonly sentMs: number
  /** Set when a holder in office changes its view: a majority of the old one must know. */
  readonly replaces?: View
}

export interface WonBid extends Bid {
  readonly claims: readonly ClaimNote[]
}

interface PreVote {
  readonly round: number
  readonly endsMs: number
  readonly wholeView: boolean
  readonly answers: Map<NodeId, Message<'pre-vote-answer'>>
}

/** How a node tries for a lease: nobody campaigns while anybody has heard a beat, and candidates go in rendezvous order. */
export interface Campaign {
  tick(input: CampaignInput): CampaignStep
  answer(from: NodeId, answer: Message<'pre-vote-answer'>): void
  prepare(bid: Bid): void
  /** The bid, when this promise made the majority. */
  promised(from: NodeId, promise: Message<'promise'>): WonBid | undefined
  refused(refusal: Message<'refuse'>): void
  heardBeat(fence: Fence): void
  raiseTerm(term: number): void
  termFloor(): number
  /** No bid is out. */
  idle(): boolean
}

export function createCampaign(world: CampaignWorld): Campaign {
  return new LeaseCampaign(world)
}

class LeaseCampaign implements Campaign {
  readonly #world: CampaignWorld
  #preVote: PreVote | undefined
  #bid: Bid | undefined
  #promises = new Map<NodeId, readonly ClaimNote[]>()
  #failedTries = 0
  #notBeforeMs = -Infinity
  #round = 0
  #termFloor = 0

  constructor(world: CampaignWorld) {
    this.#world = world
  }

  tick(input: CampaignInput): CampaignStep {
    if (this.#bid !== undefined && input.nowMs >= this.#bid.sentMs + PREPARE_MS) this.#fail(input.nowMs)
    if (input.holding || this.#bid !== undefined) return { kind: 'none' }
    if (this.#preVote !== undefined) {
      return input.nowMs >= this.#preVote.endsMs ? this.#count(this.#preVote, input) : { kind: 'none' }
    }
    return this.#mayBegin(input) ? this.#begin(input) : { kind: 'none' }
  }

  answer(from: NodeId, answer: Message<'pre-vote-answer'>): void {
    if (this.#preVote?.round === answer.round) this.#preVote.answers.set(from, answer)
  }

  prepare(bid: Bid): void {
    this.#bid = bid
    this.#promises = new Map()
  }

  promised(from: NodeId, promise: Message<'promise'>): WonBid | undefined {
    const bid = this.#bid
    if (bid === undefined || compareFences(promise.fence, bid.fence) !== 0) return undefined
    this.#promises.set(from, promise.claims)
    const views = bid.replaces === undefined ? [bid.view] : [bid.view, bid.replaces]
    if (!views.every((view) => this.#hasMajority(view))) return undefined
    this.#bid = undefined
    this.#failedTries = 0
    return { ...bid, claims: [...this.#promises.values()].flat() }
  }

  refused(refusal: Message<'refuse'>): void {
    if (this.#bid === undefined || compareFences(refusal.fence, this.#bid.fence) !== 0) return
    if (compareViews(refusal.view, this.#bid.view) > 0) this.#bid = undefined
  }

  heardBeat(fence: Fence): void {
    this.#failedTries = 0
    this.#preVote = undefined
    if (this.#bid !== undefined && compareFences(fence, this.#bid.fence) > 0) this.#bid = undefined
  }

  raiseTerm(term: number): void {
    this.#termFloor = Math.max(this.#termFloor, term)
  }

  termFloor(): number {
    return this.#termFloor
  }

  idle(): boolean {
    return this.#bid === undefined
  }

  #hasMajority(view: View): boolean {
    return view.witnesses.filter((node) => this.#promises.has(node)).length >= majorityOf(view)
  }

  #rank(): number {
    const order = rendezvousOrder(this.#world.shard, this.#world.present())
    return Math.max(0, order.indexOf(this.#world.self))
  }

  #mayBegin({ nowMs, silentMs }: CampaignInput): boolean {
    return nowMs >= this.#notBeforeMs && silentMs >= PROMISE_MS + FIRST_WAIT_MS + RANK_WAIT_MS * this.#rank()
  }

  #begin({ nowMs, view, silentMs }: CampaignInput): CampaignStep {
    const wholeView = this.#failedTries >= TRIES_BEFORE_VIEW_CHANGE && silentMs >= VIEW_CHANGE_SILENCE_MS
    const endsMs = nowMs + (wholeView ? VIEW_PRE_VOTE_MS : PRE_VOTE_MS)
    const round = ++this.#round
    this.#preVote = { round, endsMs, wholeView, answers: new Map() }
    const nodes = this.#world.present().filter((node) => node !== this.#world.self)
    return { kind: 'ask', nodes, message: { kind: 'pre-vote', shard: this.#world.shard, round, view } }
  }

  #count(preVote: PreVote, { nowMs, view }: CampaignInput): CampaignStep {
    this.#preVote = undefined
    const answers = [...preVote.answers.values()]
    const holderLives = answers.some(({ recent }) => recent)
    const behind = answers.some((answer) => compareViews(answer.view, view) > 0)
    if (holderLives || behind) {
      this.#notBeforeMs = nowMs + RETRY_MS
      return { kind: 'none' }
    }
    if (!preVote.wholeView) return { kind: 'prepare', view }
    if (answers.some(({ silent }) => !silent)) {
      this.#notBeforeMs = nowMs + RETRY_MS
      return { kind: 'none' }
    }
    return {
      kind: 'prepare',
      view: emergencyView(this.#world.shard, view, [this.#world.self, ...preVote.answers.keys()])
    }
  }

  #fail(nowMs: number): void {
    this.#bid = undefined
    this.#failedTries++
    this.#notBeforeMs = nowMs + RETRY_MS
  }
}
