import {
  isCurableElsewhere,
  meets,
  needsOf,
  whyNobody,
  type FailedTry,
  type Needs,
  type Offer
} from './capacity.ts'
import type { NodeId } from './ids.ts'
import {
  MAX_DEPENDENCY_ATTEMPTS,
  MAX_RESOURCE_ATTEMPTS,
  MAX_TRANSIENT_ATTEMPTS,
  RETRY_BASE_MS,
  RETRY_MAX_MS
} from './limits.ts'
import type { Failure } from './record.ts'

/** The wait after so many failures in a row: doubled each time, bounded. */
export function backOffMs(failures: number): number {
  if (failures <= 0) return 0
  return Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(failures - 1, 20))
}

/** A failed build of one cell, and on which node. */
export interface Attempt extends FailedTry {
  readonly builder?: NodeId | undefined
}

/** It may be built (again). */
export interface OpenState {
  readonly kind: 'open'
  /** Failures to wait for, by {@link backOffMs}; 0: at once. */
  readonly failures: number
  readonly last?: Failure
  /** Where the last attempt failed for a reason that may pass: another node is to try first. */
  readonly failedOn?: NodeId
  /** Only where there is this much. */
  readonly needs?: Needs
}

/** Nobody tries it again as things are. */
export interface FailedState {
  readonly kind: 'failed'
  readonly failure: Failure
  readonly attempts: number
}

/** Most cells have never been tried; they share one state. */
const UNTRIED: OpenState = { kind: 'open', failures: 0 }

/**
 * What the failures of one cell come to, in the order of their fences; `offers`: what the nodes have that build for its target.
 * The last failure decides whether there is another try, all of them together how much it needs. docs/protocol/queue.md#failures
 */
export function judgeAttempts(
  attempts: readonly Attempt[],
  offers: () => readonly Offer[]
): OpenState | FailedState {
  const last = attempts.at(-1)
  if (last === undefined) return UNTRIED
  const given = givenUp(attempts, last)
  if (given !== undefined) return { kind: 'failed', failure: given, attempts: attempts.length }
  const needs = needsOf(attempts)
  if (needs !== undefined && !offers().some((offer) => meets(offer, needs)))
    return { kind: 'failed', failure: unmet(attempts, offers()), attempts: attempts.length }
  const passing = isPassing(last.failure)
  return {
    kind: 'open',
    failures: passing ? attempts.filter(({ failure }) => isPassing(failure)).length : 0,
    last: last.failure,
    ...(passing && last.builder !== undefined && { failedOn: last.builder }),
    ...(needs !== undefined && { needs })
  }
}

/** The failure that ends the matter whatever the nodes offer. */
function givenUp(attempts: readonly Attempt[], last: Attempt): Failure | undefined {
  if (!isPassing(last.failure) && !isCurableElsewhere(last)) return last.failure
  return (
    tooOften(attempts, ({ failure }) => failure.class === 'transient', MAX_TRANSIENT_ATTEMPTS) ??
    tooOften(attempts, ({ failure }) => failure.class === 'resource', MAX_RESOURCE_ATTEMPTS) ??
    dependencyTooOften(attempts)
  )
}

function tooOften(
  attempts: readonly Attempt[],
  is: (attempt: Attempt) => boolean,
  most: number
): Failure | undefined {
  const such = attempts.filter(is)
  return such.length >= most ? such.at(-1)?.failure : undefined
}

/** A node that has the package did not find in it what the build wants. */
function dependencyTooOften(attempts: readonly Attempt[]): Failure | undefined {
  const missing = new Set(attempts.flatMap(({ failure }) => failure.missing ?? []))
  for (const name of missing) {
    const found = tooOften(attempts, ({ failure }) => failure.missing === name, MAX_DEPENDENCY_ATTEMPTS)
    if (found !== undefined) return found
  }
  return undefined
}

/** The last failure for want of something, with the reason why it is the end for now. */
function unmet(attempts: readonly Attempt[], offers: readonly Offer[]): Failure {
  const wanting = attempts.filter(isCurableElsewhere).at(-1)
  if (wanting === undefined) throw new TypeError('needs come from failures')
  const { failure } = wanting
  return { ...failure, reason: `${failure.reason}; ${whyNobody(wanting, offers)}` }
}

/** Not the package's fault and no lack of anything: it may pass with time. */
function isPassing({ class: kind }: Failure): boolean {
  return kind === 'transient' || kind === 'infra'
}
