import type { ProjectName } from './ids.ts'
import { WANT_PRIORITIES, type WantPriority } from './record.ts'

/** What decides when a job has its turn. */
export interface QueuePlace {
  readonly urgency: Urgency
  /** Its target's place in the cascade: the lowest has 0. */
  readonly position: number
  readonly project: ProjectName
  readonly version: string
}

/** How urgent a release is to those who want it. */
export interface Urgency {
  /** 0: requested and regular; each priority down adds 2, a yanked release or a pre-release 1. */
  readonly rank: number
  /** Of the oldest want, in its author's milliseconds since 1970. */
  readonly sinceMs: number
}

export function urgencyOf(
  wishes: readonly { readonly priority: WantPriority; readonly createdMs: number }[],
  isOdd: boolean
): Urgency {
  let priority = WANT_PRIORITIES.length
  let sinceMs = Infinity
  for (const wish of wishes) {
    priority = Math.min(priority, WANT_PRIORITIES.indexOf(wish.priority))
    sinceMs = Math.min(sinceMs, wish.createdMs)
  }
  return { rank: priority * 2 + (isOdd ? 1 : 0), sinceMs }
}

/**
 * The most urgent job first: a request before a new release before a popular one before the backlog, regular releases before odd
 * ones, then the cascade's order, then the oldest want. Names at last: of two jobs one always comes first, the same on every node.
 */
export function compareQueuePlaces(a: QueuePlace, b: QueuePlace): number {
  return (
    a.urgency.rank - b.urgency.rank ||
    a.position - b.position ||
    a.urgency.sinceMs - b.urgency.sinceMs ||
    compareText(a.project, b.project) ||
    compareText(a.version, b.version)
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
