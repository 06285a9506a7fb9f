import { NEEDS_FACTOR } from './limits.ts'
import type { BuildLimits, Failure } from './record.ts'

/** What a node offers to one build. A node that does not say its limits can be asked for nothing special. */
export interface Offer {
  readonly limits?: BuildLimits | undefined
  readonly packages: readonly string[]
}

/** What a job asks for beyond its target, because of how it failed before. 0, or no packages: nothing special. */
export interface Needs extends BuildLimits {
  readonly packages: readonly string[]
}

/** A failed build, as far as it says what would have been enough. */
export interface FailedTry {
  readonly failure: Failure
  /** Under which it ran. */
  readonly limits?: BuildLimits | undefined
}

type Dimension = keyof BuildLimits

/** Causes of `resource` failures that more of something may cure. A wheel that is too large for any node is not among them. */
const DIMENSIONS: ReadonlyMap<string, Dimension> = new Map([
  ['out-of-memory', 'memoryBytes'],
  ['disk-limit', 'diskBytes'],
  ['timeout', 'wallMs']
])

/** Whether another node may do what this one could not: then the job is not at its end. */
export function isCurableElsewhere({ failure, limits }: FailedTry): boolean {
  if (failure.class === 'resource') return limits !== undefined && DIMENSIONS.has(failure.cause)
  return failure.class === 'missing-dependency' && failure.missing !== undefined
}

/** More than any limit under which it failed, and every package that was missing; undefined: nothing special. */
export function needsOf(failed: readonly FailedTry[]): Needs | undefined {
  const curable = failed.filter(isCurableElsewhere)
  if (curable.length === 0) return undefined
  const missing = new Set(curable.flatMap(({ failure }) => failure.missing ?? []))
  return {
    memoryBytes: needOf('memoryBytes', curable),
    diskBytes: needOf('diskBytes', curable),
    wallMs: needOf('wallMs', curable),
    packages: [...missing].sort()
  }
}

/** Whether a build with such needs may be tried with what a node offers. */
export function meets({ limits, packages }: Offer, needs: Needs): boolean {
  const enough = (dimension: Dimension): boolean => (limits?.[dimension] ?? 0) >= needs[dimension]
  return (
    enough('memoryBytes') &&
    enough('diskBytes') &&
    enough('wallMs') &&
    needs.packages.every((name) => packages.includes(name))
  )
}

/** Why nobody may try it, for people: what the last failure lacked, and the most that there is of it. */
export function whyNobody({ failure, limits }: FailedTry, offers: readonly Offer[]): string {
  const dimension = failure.class === 'resource' ? DIMENSIONS.get(failure.cause) : undefined
  if (dimension === undefined) return `no node of the mesh has what it needs: ${failure.missing ?? ''}`
  const most = Math.max(limits?.[dimension] ?? 0, ...offers.map((offer) => offer.limits?.[dimension] ?? 0))
  return `no node of the mesh offers more than ${amountText(dimension, most)}`
}

function needOf(dimension: Dimension, failed: readonly FailedTry[]): number {
  const had = failed
    .filter(({ failure }) => failure.class === 'resource' && DIMENSIONS.get(failure.cause) === dimension)
    .map(({ limits }) => limits?.[dimension] ?? 0)
  return Math.ceil(Math.max(0, ...had) * NEEDS_FACTOR)
}

function amountText(dimension: Dimension, amount: number): string {
  if (dimension === 'wallMs') return `${Math.round(amount / 60_000)} min`
  const what = dimension === 'memoryBytes' ? 'memory' : 'disk'
  return `${Math.round(amount / 1024 ** 2)} MiB of ${what}`
}
