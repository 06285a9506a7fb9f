import { majorityOf, type View } from '../core/coordination.ts'
import type { Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { AUTHORITY_MS, BEAT_MS, SETTLE_MS, VIEW_CHANGE_SILENCE_MS } from '../core/limits.ts'
import type { LeaseRule } from './lease-types.ts'

/** Beats whose acknowledgements are still counted. */
const COUNTED_BEATS = 8
/** A holder without authority keeps beating this long, in case its witnesses come back. */
const LAME_MS = 2_000

export interface TenureStart {
  readonly fence: Fence
  readonly view: View
  /** When the `prepare` was sent that a majority promised. */
  readonly sentMs: number
  readonly nowMs: number
  /** It knows all claims; otherwise it waits for those that it has not heard of. */
  readonly settled: boolean
}

/** One node's time in office under one fence. */
export class Tenure {
  readonly fence: Fence
  readonly view: View
  readonly #sinceMs: number
  readonly #settledMs: number
  readonly #sent = new Map<number, number>()
  readonly #acks = new Map<number, Set<NodeId>>()
  readonly #lastAckMs = new Map<NodeId, number>()
  readonly #refusing = new Set<NodeId>()
  #seq = 0
  #untilMs: number
  #nextBeatMs: number

  constructor({ fence, view, sentMs, nowMs, settled }: TenureStart) {
    this.fence = fence
    this.view = view
    this.#sinceMs = nowMs
    this.#settledMs = settled ? nowMs : nowMs + SETTLE_MS
    this.#untilMs = this.countedFrom(sentMs, nowMs) + AUTHORITY_MS
    this.#nextBeatMs = nowMs
  }

  /** The number of the last beat. */
  lastSeq(): number {
    return this.#seq
  }

  /** The number of the beat that is due, if one is. */
  nextBeat(nowMs: number): number | undefined {
    if (nowMs < this.#nextBeatMs) return undefined
    this.#nextBeatMs = nowMs + BEAT_MS
    const seq = ++this.#seq
    this.#sent.set(seq, nowMs)
    this.#acks.set(seq, new Set())
    this.#sent.delete(seq - COUNTED_BEATS)
    this.#acks.delete(seq - COUNTED_BEATS)
    return seq
  }

  acknowledged(witness: NodeId, seq: number, nowMs: number): LeaseRule | undefined {
    if (!this.view.witnesses.includes(witness)) return 'not-a-witness'
    const acks = this.#acks.get(seq)
    const sentMs = this.#sent.get(seq)
    if (acks === undefined || sentMs === undefined) return 'unasked'
    acks.add(witness)
    this.#refusing.delete(witness)
    this.#lastAckMs.set(witness, Math.max(sentMs, this.#lastAckMs.get(witness) ?? sentMs))
    if (acks.size >= majorityOf(this.view)) {
      this.#untilMs = Math.max(this.#untilMs, this.countedFrom(sentMs, nowMs) + AUTHORITY_MS)
    }
    return undefined
  }

  /** A witness knows of a higher fence. True when so many do that no majority is left. */
  refusedBy(witness: NodeId): boolean {
    if (this.view.witnesses.includes(witness)) this.#refusing.add(witness)
    return this.view.witnesses.length - this.#refusing.size < majorityOf(this.view)
  }

  hasAuthority(nowMs: number): boolean {
    return nowMs < this.#untilMs
  }

  isSettled(nowMs: number): boolean {
    return nowMs >= this.#settledMs
  }

  /** In office for a beat: it knows who answers. */
  isSeasoned(nowMs: number): boolean {
    return nowMs - this.#sinceMs >= BEAT_MS
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.#untilMs + LAME_MS
  }

  isHealthy(witness: NodeId, nowMs: number): boolean {
    return nowMs - (this.#lastAckMs.get(witness) ?? this.#sinceMs) < VIEW_CHANGE_SILENCE_MS
  }

  /** Rule H1: authority counts from the sending, since the promise of the acknowledging witnesses began no earlier. */
  protected countedFrom(sentMs: number, answeredMs: number): number {
    return Math.min(sentMs, answeredMs)
  }
}
