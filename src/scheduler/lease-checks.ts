import { compareViews, viewHash, type View, type ViewState } from '../core/coordination.ts'
import type { Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import { MAX_COUNTER_LEAP, WITNESSES_LARGE } from '../core/limits.ts'
import type { LeaseClaim, LeaseRefusal, LeaseRule } from './lease-types.ts'

/** The highest numbers that a node knows of. */
export interface KnownCounters {
  readonly term: number
  readonly epoch: number
}

export interface CheckWorld {
  wasAdmitted(node: NodeId): boolean
}

/** For what may also be late, reordered or repeated, or come before the record that explains it. */
export function refused(rule: LeaseRule): LeaseRefusal {
  return { rule, blame: false }
}

export function blamed(rule: LeaseRule): LeaseRefusal {
  return { rule, blame: true }
}

export function leapOf({ term, epoch }: KnownCounters, known: KnownCounters): LeaseRule | undefined {
  if (epoch - known.epoch > MAX_COUNTER_LEAP) return 'epoch-leap'
  return term - known.term > MAX_COUNTER_LEAP ? 'term-leap' : undefined
}

/** A fence that its sender claims as its own, with the view it is of. */
export function checkClaim(
  from: NodeId,
  claim: LeaseClaim,
  known: KnownCounters,
  world: CheckWorld
): LeaseRefusal | undefined {
  const { fence, view, replaces } = claim
  if (fence.holder !== from) return blamed('foreign-fence')
  if (fence.epoch !== view.epoch || fence.view !== viewHash(view)) return blamed('view-hash-mismatch')
  const leap = leapOf(fence, known)
  if (leap !== undefined) return blamed(leap)
  const views = replaces === undefined ? { view } : { view: replaces, next: view }
  return checkViews(views, known, world)
}

/** What somebody says of the views. */
export function checkViews(
  { view, next }: ViewState,
  known: KnownCounters,
  world: CheckWorld
): LeaseRefusal | undefined {
  if (next !== undefined && compareViews(next, view) <= 0) return blamed('unsound-view')
  for (const one of next === undefined ? [view] : [view, next]) {
    if (!isSound(one)) return blamed('unsound-view')
    if (one.epoch - known.epoch > MAX_COUNTER_LEAP) return refused('epoch-leap')
    if (!one.witnesses.every((node) => world.wasAdmitted(node))) return refused('stranger-witness')
  }
  return undefined
}

/** An answer to this node: it must be about a fence of its own. */
export function checkAnswered(fence: Fence, self: NodeId): LeaseRefusal | undefined {
  return fence.holder === self ? undefined : blamed('foreign-fence')
}

function isSound({ witnesses }: View): boolean {
  const { size } = new Set(witnesses)
  return size > 0 && size === witnesses.length && size <= WITNESSES_LARGE
}
