import { majorityOf, type View } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import { PRE_VOTE_MS } from './lease-campaign.ts'
import type { Message } from './lease-types.ts'

interface Probe {
  readonly view: View
  readonly round: number
  readonly endsMs: number
  /** Witnesses of the new view that are none of the old one. */
  readonly newcomers: readonly NodeId[]
  readonly answered: Set<NodeId>
}

/** A holder's wish for another view: its newcomers must answer before anybody is asked to promise (rule H5). */
export class ViewChange {
  #probe: Probe | undefined

  isIdle(): boolean {
    return this.#probe === undefined
  }

  /** Whom to ask. */
  begin(current: View, view: View, round: number, nowMs: number): readonly NodeId[] {
    const newcomers = view.witnesses.filter((node) => !current.witnesses.includes(node))
    this.#probe = { view, round, endsMs: nowMs + PRE_VOTE_MS, newcomers, answered: new Set() }
    return newcomers
  }

  /** False: it answers something else. */
  answer(from: NodeId, { round, recent }: Message<'pre-vote-answer'>): boolean {
    const probe = this.#probe
    if (probe?.round !== round || !probe.newcomers.includes(from)) return false
    if (!recent) probe.answered.add(from)
    return true
  }

  /** The view, once, when all newcomers answered, or when their time is over and a majority of it is there. */
  ready(nowMs: number): View | undefined {
    const probe = this.#probe
    if (probe === undefined) return undefined
    const { view, newcomers, answered } = probe
    if (answered.size < newcomers.length && nowMs < probe.endsMs) return undefined
    this.#probe = undefined
    const there = view.witnesses.length - newcomers.length + answered.size
    return there >= majorityOf(view) ? view : undefined
  }

  drop(): void {
    this.#probe = undefined
  }
}
