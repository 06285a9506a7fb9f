import { compareViews, type View, type ViewState } from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { PROMISE_MS, SETTLE_MS, VIEW_CHANGE_SILENCE_MS } from '../core/limits.ts'
import type { LeaseClaim, LeaseRule, LeaseStart, WitnessMemory } from './lease-types.ts'

export type { WitnessMemory } from './lease-types.ts'

/** A view is given up only when it was heard for no longer than this ago. */
const VIEW_HEARD_MS = VIEW_CHANGE_SILENCE_MS - SETTLE_MS
const NO_FENCE: Fence = { epoch: 0, view: '', term: 0, holder: '' as NodeId }

/** What one node has promised and heard about one shard's lease. Rules W1 to W6 of docs/protocol/coordination.md. */
export class Witness {
  #view: View
  #next: View | undefined
  #highest: Fence
  #promisedTo: NodeId | undefined
  #promisedUntilMs: number
  #heard: Fence | undefined
  #lastBeatMs: number
  /** Up to here its holder has handed over. */
  #released: Fence | undefined

  /** `memory` undefined: this node never took part, so that it cannot have promised anything. */
  constructor({ firstView, memory, nowMs }: LeaseStart) {
    this.#view = memory?.view ?? firstView
    this.#next = memory?.next
    this.#highest = memory?.highest ?? NO_FENCE
    // Whatever it promised before a restart, it promised to the holder of the highest fence.
    this.#promisedTo = memory?.highest.holder
    this.#promisedUntilMs = memory === undefined ? nowMs : nowMs + PROMISE_MS
    this.#lastBeatMs = memory === undefined ? nowMs - PROMISE_MS : nowMs
  }

  state(): ViewState {
    return this.#next === undefined ? { view: this.#view } : { view: this.#view, next: this.#next }
  }

  memory(): WitnessMemory {
    return { ...this.state(), highest: this.#highest }
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

  /** Its holder said that it holds no more under this fence, nor under any below. */
  isHandedOver(fence: Fence): boolean {
    const released = this.#released
    return released?.holder === fence.holder && compareFences(fence, released) <= 0
  }

  /** A beat proves that its view is in force: it is the only message that takes a witness into a view without its promise. */
  hearBeat(beat: LeaseClaim, nowMs: number): void {
    this.#heard = beat.fence
    this.#lastBeatMs = nowMs
    if (compareViews(beat.view, this.#view) > 0) this.#enter(beat.view)
  }

  /** By which rule it must refuse; undefined: it may promise. */
  judgePrepare(prepare: LeaseClaim, nowMs: number): LeaseRule | undefined {
    const { fence, view } = prepare
    const candidate = fence.holder
    if (compareViews(view, this.#view) < 0) return 'stale-view'
    if (this.isHandedOver(fence)) return 'handed-over'
    if (this.isPromisedToAnother(candidate, nowMs)) return 'promised-to-another'
    if (this.heardAnother(candidate, nowMs)) return 'holder-alive'
    return (
      this.#judgeView(prepare, nowMs) ?? (compareFences(fence, this.#highest) > 0 ? undefined : 'stale-fence')
    )
  }

  /** Of the highest holder it knows, unless promised to another. */
  mayAcknowledge({ fence, view }: LeaseClaim, nowMs: number): boolean {
    if (compareViews(view, this.#view) < 0) return false
    // A holder that asked for a higher fence and did not get it goes on under the one it has.
    if (compareFences(fence, this.#highest) < 0 && fence.holder !== this.#highest.holder) return false
    return !this.isPromisedToAnother(fence.holder, nowMs)
  }

  /** Binds itself: what it now must remember is {@link memory}. */
  promise(claim: LeaseClaim, nowMs: number): void {
    this.#promisedTo = claim.fence.holder
    this.#promisedUntilMs = nowMs + PROMISE_MS
    if (compareFences(claim.fence, this.#highest) > 0) this.#highest = claim.fence
    if (compareViews(claim.view, this.#view) <= 0) return
    if (claim.replaces === undefined) {
      this.#enter(claim.view)
      return
    }
    if (compareViews(claim.replaces, this.#view) > 0) this.#enter(claim.replaces)
    this.#next = claim.view
  }

  /** The holder gave up: nobody need wait for its promise to run out. */
  release(from: NodeId, fence: Fence, nowMs: number): LeaseRule | undefined {
    if (this.#heard?.holder !== from) return 'not-the-holder'
    if (compareFences(fence, this.#heard) < 0 || this.isHandedOver(fence)) return 'stale-fence'
    this.#released = fence
    this.#lastBeatMs = Math.min(this.#lastBeatMs, nowMs - PROMISE_MS)
    if (this.#promisedTo === from) this.#promisedUntilMs = Math.min(this.#promisedUntilMs, nowMs)
    return undefined
  }

  /** Rule W1. */
  protected isPromisedToAnother(candidate: NodeId, nowMs: number): boolean {
    return this.#promisedUntilMs > nowMs && this.#promisedTo !== candidate
  }

  #enter(view: View): void {
    this.#view = view
    this.#next = undefined
  }

  /** A view above the own one: with a majority of the own one, as it is proposed already, or after a long silence. */
  #judgeView({ fence, view, replaces }: LeaseClaim, nowMs: number): LeaseRule | undefined {
    if (compareViews(view, this.#view) === 0) return undefined
    if (this.#next !== undefined && compareViews(view, this.#next) === 0) return undefined
    const order = replaces === undefined ? 1 : compareViews(replaces, this.#view)
    if (order < 0) return 'stale-view'
    if (order === 0) {
      const isFree = this.#next === undefined || this.#highest.holder === fence.holder
      return isFree ? undefined : 'pending-view'
    }
    return this.#stillHears(fence.holder, nowMs) ? 'view-still-heard' : undefined
  }

  /** Somebody other than the candidate was heard lately; after a restart, what it remembers counts as heard. */
  #stillHears(candidate: NodeId, nowMs: number): boolean {
    const last = this.#heard ?? (this.#highest.term > 0 ? this.#highest : undefined)
    return last !== undefined && last.holder !== candidate && !this.isSilent(nowMs)
  }
}
