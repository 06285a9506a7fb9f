import { compareViews, viewHash, type View, type ViewState } from '../core/coordination.ts'
import type { Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'

/** Where a candidate asks for promises: in `view`, and in the one that it replaces. */
export interface BidTarget {
  readonly view: View
  readonly replaces?: View
  /** A view out of nothing needs a majority of all who were asked, too: two of them formed at once must not both come to be. */
  readonly quorum?: readonly NodeId[]
}

/** The own knowledge, or what was told where that is newer: a later view, or a proposal for the own one. */
export function targetOf(own: ViewState, told: ViewState | undefined): BidTarget {
  const order = told === undefined ? -1 : compareViews(told.view, own.view)
  const view = order > 0 && told !== undefined ? told.view : own.view
  const next = order > 0 ? told?.next : ((order === 0 ? told?.next : undefined) ?? own.next)
  return next === undefined || compareViews(next, view) <= 0 ? { view } : { view: next, replaces: view }
}

/** What most of them say, of what is of interest; of two as often said, the later. */
export function mostTold(
  states: Iterable<ViewState>,
  ofInterest: (state: ViewState) => boolean
): { readonly told: ViewState | undefined; readonly count: number } {
  const counts = new Map<string, { readonly told: ViewState; count: number }>()
  for (const { view, next } of states) {
    const told = next === undefined ? { view } : { view, next }
    if (!ofInterest(told)) continue
    const key = [view, ...(next === undefined ? [] : [next])].map(nameOf).join(' ')
    const known = counts.get(key)
    if (known === undefined) counts.set(key, { told, count: 1 })
    else known.count++
  }
  const [most] = [...counts.values()].sort(
    (a, b) =>
      b.count - a.count || compareViews(targetOf(b.told, undefined).view, targetOf(a.told, undefined).view)
  )
  return { told: most?.told, count: most?.count ?? 0 }
}

export function highestEpoch(states: Iterable<ViewState>): number {
  let highest = 0
  for (const { view, next } of states) highest = Math.max(highest, view.epoch, next?.epoch ?? 0)
  return highest
}

function nameOf(view: View): string {
  return `${view.epoch}:${viewHash(view)}`
}

/** Both fences are known, and the first one's view comes before the other's. */
export function isOfEarlierView(one: Fence | undefined, than: Fence | undefined): boolean {
  if (one === undefined || than === undefined) return false
  return one.epoch < than.epoch || (one.epoch === than.epoch && one.view < than.view)
}

/** Of each of these a majority must promise. */
export function quorumsOf({ view, replaces, quorum }: BidTarget): readonly Pick<View, 'witnesses'>[] {
  return [
    view,
    ...(replaces === undefined ? [] : [replaces]),
    ...(quorum === undefined ? [] : [{ witnesses: quorum }])
  ]
}

export function countIn(view: Pick<View, 'witnesses'>, nodes: ReadonlyMap<NodeId, unknown>): number {
  return view.witnesses.filter((node) => nodes.has(node)).length
}
