import { compareViews, viewHash, type View } from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { PROMISE_MS, SETTLE_MS, VIEW_CHANGE_SILENCE_MS } from '../core/limits.ts'

/** What a witness must not forget over a restart. */
export interface WitnessMemory {
  readonly view: View
  /** The highest fence that it ever acknowledged or promised to. */
  readonly highest: Fence
}

/** A claim to the lease: a candidate's prepare, or a holder's beat. */
export interface LeaseClaim {
  readonly fence: Fence
  readonly view: View
}

export type PrepareVerdict =
  'promise' | 'behind' | 'promised-to-another' | 'holder-alive' | 'view-still-heard' | 'stale-fence'

/** A view is given up only when it was heard for no longer than this ago. */
const VIEW_HEARD_MS = VIEW_CHANGE_SILENCE_MS - SETTLE_MS
const NO_FENCE: Fence = { epoch: 0, view: '', term: 0, holder: '' as NodeId }

/** What one node has promised and heard about one shard's lease. Rules W1 to W5 of docs/protocol/coordination.md. */
export class Witness {
  #view: View
  #highest: Fence
  #promisedTo: NodeId | undefined
  #promisedUntilMs: number
  #heard: Fence | undefined
  #lastBeatMs: number

  /** `memory` undefined: this node never took part, so that it cannot have promised anything. */
  constructor(firstView: View, memory: WitnessMemory | undefined, nowMs: number) {
    this.#view = memory?.view ?? firstView
    this.#highest = memory?.highest ?? NO_FENCE
    // Whatever it promised before a restart, it promised to the holder of the highest fence.
    this.#promisedTo = memory?.highest.holder
    this.#promisedUntilMs = memory === undefined ? nowMs : nowMs + PROMISE_MS
    this.#lastBeatMs = memory === undefined ? nowMs - PROMISE_MS : nowMs
  }

  view(): View {
    return this.#view
  }

  highest(): Fence {
    return this.#highest
  }

  /** The fence of the newest beat heard. */
  heard(): Fence | undefined {
    return this.#heard
  }

  silentMs(nowMs: number): number {
    return nowMs - this.#lastBeatMs
  }

  /** Somebody other than `node` was heard to hold the lease within the promise time. */
  heardAnother(node: NodeId, nowMs: number): boolean {
    return this.#heard !== undefined && this.#heard.holder !== node && this.silentMs(nowMs) < PROMISE_MS
  }

  isSilent(nowMs: number): boolean {
    return this.silentMs(nowMs) >= VIEW_HEARD_MS
  }

  adoptView(view: View): void {
    if (compareViews(view, this.#view) > 0) this.#view = view
  }

  hearBeat(beat: LeaseClaim, nowMs: number): void {
    this.#heard = beat.fence
    this.#lastBeatMs = nowMs
    this.adoptView(beat.view)
  }

  judgePrepare(prepare: LeaseClaim, nowMs: number): PrepareVerdict {
    const candidate = prepare.fence.holder
    const order = compareViews(prepare.view, this.#view)
    if (order < 0 || prepare.fence.view !== viewHash(prepare.view)) return 'behind'
    if (this.#promisedUntilMs > nowMs && this.#promisedTo !== candidate) return 'promised-to-another'
    if (this.heardAnother(candidate, nowMs)) return 'holder-alive'
    if (order > 0 && this.#stillHears(candidate, nowMs)) return 'view-still-heard'
    return compareFences(prepare.fence, this.#highest) > 0 ? 'promise' : 'stale-fence'
  }

  /** Somebody other than the candidate was heard lately; after a restart, what it remembers counts as heard. */
  #stillHears(candidate: NodeId, nowMs: number): boolean {
    const last = this.#heard ?? (this.#highest.term > 0 ? this.#highest : undefined)
    return last !== undefined && last.holder !== candidate && !this.isSilent(nowMs)
  }

  /** Of the highest holder it knows, unless promised to another. */
  mayAcknowledge(beat: LeaseClaim, nowMs: number): boolean {
    if (compareViews(beat.view, this.#view) < 0 || compareFences(beat.fence, this.#highest) < 0) return false
    return this.#promisedTo === beat.fence.holder || this.#promisedUntilMs <= nowMs
  }

  /** Promises itself; gives what must be remembered when that is news. */
  promise(claim: LeaseClaim, nowMs: number): WitnessMemory | undefined {
    const news = compareFences(claim.fence, this.#highest) > 0 || compareViews(claim.view, this.#view) > 0
    this.#promisedTo = claim.fence.holder
    this.#promisedUntilMs = nowMs + PROMISE_MS
    if (!news) return undefined
    if (compareFences(claim.fence, this.#highest) > 0) this.#highest = claim.fence
    this.adoptView(claim.view)
    return { view: this.#view, highest: this.#highest }
  }

  /** The holder gave up: nobody need wait for its promise to run out. */
  release(from: NodeId, fence: Fence, nowMs: number): void {
    if (this.#heard?.holder !== from || compareFences(fence, this.#heard) < 0) return
    this.#lastBeatMs = nowMs - PROMISE_MS
    if (this.#promisedTo === from) this.#promisedUntilMs = nowMs
  }
}
