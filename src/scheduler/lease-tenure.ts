import { majorityOf, type View } from '../core/coordination.ts'
import type { Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { AUTHORITY_MS, BEAT_MS, SETTLE_MS, VIEW_CHANGE_SILENCE_MS } from '../core/limits.ts'

/** Beats whose acknowledgements are still counted. */
const COUNTED_BEATS = 8
/** A holder without authority keeps beating this long, in case its witnesses come back. */
const LAME_MS = 2_000

/** One node's time in office under one fence. */
export class Tenure {
  readonly fence: Fence
  readonly view: View
  readonly #sinceMs: number
  readonly #settledMs: number
  readonly #sent = new Map<number, number>()
  readonly #acks = new Map<number, Set<NodeId>>()
  readonly #lastAckMs = new Map<NodeId, number>()
  #seq = 0
  #untilMs: number
  #nextBeatMs: number

  /** `planned`: the same holder under a new view has nothing to learn; a new one waits for claims it has not heard of. */
  constructor(
    won: { readonly fence: Fence; readonly view: View; readonly sentMs: number },
    nowMs: number,
    planned: boolean
  ) {
    this.fence = won.fence
    this.view = won.view
    this.#sinceMs = nowMs
    this.#settledMs = planned ? nowMs : nowMs + SETTLE_MS
    this.#untilMs = won.sentMs + AUTHORITY_MS
    this.#nextBeatMs = nowMs
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

  acknowledged(witness: NodeId, seq: number): void {
    const acks = this.#acks.get(seq)
    const sentMs = this.#sent.get(seq)
    if (acks === undefined || sentMs === undefined || !this.view.witnesses.includes(witness)) return
    acks.add(witness)
    this.#lastAckMs.set(witness, sentMs)
    // Authority counts from the sending: the promise of the acknowledging witnesses began no earlier.
    if (acks.size >= majorityOf(this.view)) this.#untilMs = Math.max(this.#untilMs, sentMs + AUTHORITY_MS)
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
}
