import type { PauseCause } from './pause-board.ts'
import type { Steadiness } from './steady-cause.ts'

/** Why nothing may be begun. */
export interface Objection {
  readonly reason: string
  /** On the wall clock, when the end is known. */
  readonly untilMs?: number
}

/** One thing that is looked at again and again. */
export interface Watch {
  readonly cause: PauseCause
  readonly steadiness: Steadiness
  /** `isSet`: it speaks against building already, and must have become better than it need be at first. Rejects: it cannot be told. */
  look(isSet: boolean): Promise<Objection | undefined>
}

/** What does not swing by itself counts at once, and is over at once. */
export const AT_ONCE: Steadiness = { patience: 1, holdMs: 0 }
