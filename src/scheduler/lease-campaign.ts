import {
  compareViews,
  majorityOf,
  type ClaimNote,
  type ShardId,
  type ViewState
} from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { PROMISE_MS, VIEW_CHANGE_SILENCE_MS } from '../core/limits.ts'
import { rendezvousOrder } from '../core/rendezvous.ts'
import {
  countIn,
  highestEpoch,
  isOfEarlierView,
  mostTold,
  quorumsOf,
  targetOf,
  type BidTarget
} from './lease-hints.ts'
import { Rivals } from './lease-rivals.ts'
import type { LeaseRule, Message } from './lease-types.ts'
import { emergencyView } from './lease-view.ts'

/** First wait after the promise time, and the wait per rank after it: one candidate is done before the next begins. */
const FIRST_WAIT_MS = 300
const RANK_WAIT_MS = 700
/** How long answers to a pre-vote are gathered; longer when a whole view is to be replaced. */
export const PRE_VOTE_MS = 800
const VIEW_PRE_VOTE_MS = 3_000
/** Nodes that have not answered are asked again after this. */
const PRE_VOTE_AGAIN_MS = 400
/** A candidate waits this long for promises, and between two tries. */
export const PREPARE_MS = 2_000
const RETRY_MS = 2_000
/** Failed tries after which the view itself is taken to be out of reach. */
const TRIES_BEFORE_VIEW_CHANGE = 3

export interface CampaignWorld {
  readonly shard: ShardId
  readonly self: NodeId
  present(): readonly NodeId[]
  /** The mesh's records say that this node is a member: before, it is nobody to anybody. */
  mayLead?(): boolean
}

export interface CampaignInput {
  readonly nowMs: number
  /** The own witness's. */
  readonly state: ViewState
  /** Of the newest beat that it heard. */
  readonly heard: Fence | undefined
  readonly silentMs: number
  readonly holding: boolean
}

export type CampaignStep =
  | { readonly kind: 'none' }
  | { readonly kind: 'ask'; readonly nodes: readonly NodeId[]; readonly message: Message<'pre-vote'> }
  | ({ readonly kind: 'prepare' } & BidTarget)

export interface Bid extends BidTarget {
  readonly fence: Fence
  readonly sentMs: number
  /** An election, a holder's change of its view, or the next in office after a hand-over. */
  readonly purpose: 'election' | 'change' | 'succession'
}

export interface WonBid extends Bid {
  readonly claims: readonly ClaimNote[]
}

interface PreVote {
  readonly round: number
  readonly endsMs: number
  askedMs: number
  readonly wholeView: boolean
  readonly asked: ReadonlySet<NodeId>
  readonly answers: Map<NodeId, Message<'pre-vote-answer'>>
}

/** How a node tries for a lease: nobody campaigns while anybody has heard a beat, and candidates go in rendezvous order. */
export class Campaign {
  protected readonly world: CampaignWorld
  #preVote: PreVote | undefined
  #bid: Bid | undefined
  /** The last bid that won: its other witnesses' promises are still on their way. */
  #won: Bid | undefined
  #promises = new Map<NodeId, readonly ClaimNote[]>()
  #refusals = new Map<NodeId, ViewState>()
  /** What others said of the views, when nobody holds: where to bid, not what to believe. */
  #hint: ViewState | undefined
  readonly #rivals: Rivals
  #failedTries = 0
  #notBeforeMs = -Infinity
  #round = 0
  #termFloor = 0
  #epochFloor = 0
  #rank: { readonly of: readonly NodeId[]; readonly rank: number } | undefined

  constructor(world: CampaignWorld) {
    this.world = world
    this.#rivals = new Rivals(world.shard, world.self)
  }

  tick(input: CampaignInput): CampaignStep {
    const { nowMs } = input
    if (this.#bid !== undefined && nowMs >= this.#bid.sentMs + PREPARE_MS) this.#fail(input.state, nowMs)
    if (input.holding || this.#bid !== undefined) return { kind: 'none' }
    if (this.#preVote !== undefined) return this.#tickPreVote(this.#preVote, input)
    if (!this.#mayBegin(input)) return { kind: 'none' }
    const isLost = this.#failedTries >= TRIES_BEFORE_VIEW_CHANGE
    return this.begin(input, isLost && input.silentMs >= VIEW_CHANGE_SILENCE_MS)
  }

  /** Somebody else asks. */
  heardPreVote(from: NodeId, nowMs: number): void {
    this.#rivals.asked(from, nowMs)
  }

  answer(from: NodeId, answer: Message<'pre-vote-answer'>): LeaseRule | undefined {
    if (this.#preVote?.round !== answer.round || !this.#preVote.asked.has(from)) return 'unasked'
    this.#preVote.answers.set(from, answer)
    return undefined
  }

  prepare(bid: Bid): void {
    this.#preVote = undefined
    this.#bid = bid
    this.#promises = new Map()
    this.#refusals = new Map()
  }

  /** A promise or a refusal must answer the bid that is out, or that won, and come from a witness that was asked. */
  judgeAnswer(from: NodeId, fence: Fence): LeaseRule | undefined {
    const isOf = (bid: Bid | undefined): boolean => bid !== undefined && compareFences(fence, bid.fence) === 0
    const bid = [this.#bid, this.#won].find(isOf)
    if (bid === undefined) return 'unasked'
    return quorumsOf(bid).some(({ witnesses }) => witnesses.includes(from)) ? undefined : 'not-a-witness'
  }

  /** The bid under this fence waits for its majority. */
  isOut(fence: Fence): boolean {
    return this.#bid !== undefined && compareFences(this.#bid.fence, fence) === 0
  }

  /** Counts a promise for the bid; gives the bid when that made the majority. */
  promised(from: NodeId, promise: Message<'promise'>): WonBid | undefined {
    const bid = this.#bid
    if (bid === undefined) return undefined
    this.#promises.set(from, promise.claims)
    if (!quorumsOf(bid).every((nodes) => countIn(nodes, this.#promises) >= majorityOf(nodes)))
      return undefined
    this.drop()
    this.#won = bid
    this.#failedTries = 0
    this.#hint = undefined
    return { ...bid, claims: [...this.#promises.values()].flat() }
  }

  /** Counts a refusal of the bid. */
  refused(from: NodeId, { view, next }: Message<'refuse'>, own: ViewState, nowMs: number): void {
    const bid = this.#bid
    if (bid === undefined) return
    this.#refusals.set(from, next === undefined ? { view } : { view, next })
    // A witness that refuses the one whom its holder named has not heard the holder yet.
    if (bid.purpose !== 'succession' && this.#isBlocked(bid)) this.#fail(own, nowMs)
  }

  heardBeat(fence: Fence): void {
    this.#failedTries = 0
    this.#rivals.forget()
    this.#preVote = undefined
    this.#hint = undefined
    this.#rank = undefined
    if (this.#bid !== undefined && compareFences(fence, this.#bid.fence) > 0) this.drop()
  }

  /** A holder was told that another view is in force. */
  learn({ view, next }: ViewState): void {
    this.#hint = next === undefined ? { view } : { view, next }
  }

  /** The next bid's fence must be above this one. */
  raise({ term, epoch }: Fence): void {
    this.#termFloor = Math.max(this.#termFloor, term)
    this.#epochFloor = Math.max(this.#epochFloor, epoch)
  }

  termFloor(): number {
    return this.#termFloor
  }

  epochFloor(): number {
    return this.#epochFloor
  }

  bid(): Bid | undefined {
    return this.#bid
  }

  drop(): void {
    this.#bid = undefined
  }

  nextRound(): number {
    return ++this.#round
  }

  /** Rule C2: everybody who can be asked is asked first. */
  protected begin({ nowMs, state }: CampaignInput, wholeView: boolean): CampaignStep {
    const endsMs = nowMs + (wholeView ? VIEW_PRE_VOTE_MS : PRE_VOTE_MS)
    const nodes = this.world.present().filter((node) => node !== this.world.self)
    const round = this.nextRound()
    this.#preVote = { round, endsMs, askedMs: nowMs, wholeView, asked: new Set(nodes), answers: new Map() }
    return { kind: 'ask', nodes, message: this.#preVoteMessage(round, state) }
  }

  /** Where a candidate bids: as its own witness knows it, or as it was told. */
  target(own: ViewState): BidTarget {
    return targetOf(own, this.#hint)
  }

  /** The view that those who can be reached form, each of whom has heard no beat for long. */
  protected newView(own: ViewState, told: Iterable<ViewState>, reachable: readonly NodeId[]): BidTarget {
    const lastEpoch = Math.max(this.#epochFloor, highestEpoch([own, ...told]))
    return { view: emergencyView(this.world.shard, lastEpoch, reachable), quorum: reachable }
  }

  /** Silence must not be mistaken for consent: who has not answered yet is asked again. */
  #tickPreVote(preVote: PreVote, input: CampaignInput): CampaignStep {
    const { nowMs, state } = input
    if (nowMs >= preVote.endsMs) return this.#count(preVote, input)
    if (nowMs < preVote.askedMs + PRE_VOTE_AGAIN_MS) return { kind: 'none' }
    preVote.askedMs = nowMs
    const nodes = [...preVote.asked].filter((node) => !preVote.answers.has(node))
    return { kind: 'ask', nodes, message: this.#preVoteMessage(preVote.round, state) }
  }

  #preVoteMessage(round: number, { view }: ViewState): Message<'pre-vote'> {
    return { kind: 'pre-vote', shard: this.world.shard, round, view }
  }

  #isBlocked(bid: Bid): boolean {
    return quorumsOf(bid).some(
      (view) => view.witnesses.length - countIn(view, this.#refusals) < majorityOf(view)
    )
  }

  #rankNow(): number {
    const present = this.world.present()
    if (this.#rank?.of !== present) {
      const rank = rendezvousOrder(this.world.shard, present).indexOf(this.world.self)
      this.#rank = { of: present, rank: Math.max(0, rank) }
    }
    return this.#rank.rank
  }

  /** The first try is ordered by rank alone. */
  #mustGiveWay(nowMs: number): boolean {
    return this.#failedTries > 0 && this.#rivals.areTrying(nowMs)
  }

  /** The rank is asked for last: it costs a hash of every node. */
  #mayBegin({ nowMs, silentMs }: CampaignInput): boolean {
    const waitedMs = silentMs - PROMISE_MS - FIRST_WAIT_MS
    if (waitedMs < 0 || this.world.mayLead?.() === false || this.#mustGiveWay(nowMs)) return false
    return nowMs >= this.#notBeforeMs && waitedMs >= RANK_WAIT_MS * this.#rankNow()
  }

  #count(preVote: PreVote, { nowMs, state, heard }: CampaignInput): CampaignStep {
    this.#preVote = undefined
    const answers = [...preVote.answers.values()]
    // Who hears a holder of an earlier view than one that this node heard in force, hears one that was cut off then.
    const minded = answers.filter((answer) => !isOfEarlierView(answer.heard, heard))
    if (minded.some(({ recent }) => recent)) return this.#waitUntil(nowMs + RETRY_MS)
    if (this.#mustGiveWay(nowMs)) return this.#waitUntil(nowMs)
    const { view } = this.target(state)
    const { told, count } = mostTold(answers, (one) => compareViews(one.view, view) > 0)
    if (told !== undefined && 2 * count >= answers.length) {
      this.#hint = told
      return this.#waitUntil(nowMs)
    }
    if (!preVote.wholeView) return { kind: 'prepare', ...this.target(state) }
    if (minded.some(({ silent }) => !silent)) return this.#waitUntil(nowMs + RETRY_MS)
    const free = [...preVote.answers].filter(([, { silent }]) => silent).map(([node]) => node)
    return { kind: 'prepare', ...this.newView(state, answers, [this.world.self, ...free]) }
  }

  #waitUntil(atMs: number): CampaignStep {
    this.#notBeforeMs = atMs
    return { kind: 'none' }
  }

  /** No majority: those who refused may know of another view. */
  #fail(own: ViewState, nowMs: number): void {
    const bid = this.#bid
    this.drop()
    if (bid === undefined || bid.purpose === 'change') return
    this.#failedTries++
    const { told } = mostTold(this.#refusals.values(), (one) => {
      const { view } = targetOf(own, one)
      return compareViews(view, bid.view) !== 0 && compareViews(one.view, own.view) >= 0
    })
    this.#hint = told
    const waitMs = this.#refusals.size > 0 ? this.#giveWayMs() : RETRY_MS
    this.#notBeforeMs = nowMs + (told === undefined ? waitMs : 0)
  }

  /**
   * Refused by witnesses that are promised to another candidate, or to themselves as one: candidates that retry alike would keep each
   * other from a majority for ever. So the lower ones give way, more with each try, until their own promises are over.
   */
  #giveWayMs(): number {
    const rank = this.#rankNow()
    const mostMs = PROMISE_MS + FIRST_WAIT_MS + RANK_WAIT_MS * rank
    return Math.min(RETRY_MS * (1 + rank * this.#failedTries), mostMs)
  }
}
