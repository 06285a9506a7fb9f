import type { PausedNote } from '../../core/coordination.ts'
import type { Clock, Log } from '../../core/ports.ts'

/** Why a node begins no builds for now, the weightiest first: what a person did, what may do harm, what will pass. */
export const PAUSE_CAUSES = [
  'owner',
  'read-only',
  'undervoltage',
  'heat',
  'disk',
  'inodes',
  'clock',
  'sandbox',
  'canary',
  'memory',
  'load',
  'hours'
] as const
export type PauseCause = (typeof PAUSE_CAUSES)[number]

export interface Pause {
  readonly cause: PauseCause
  /** One sentence, with what cures it if something does. */
  readonly reason: string
  /** On the monotonic clock. */
  readonly sinceMs: number
  /** On the wall clock, when that is known. */
  readonly untilMs?: number
}

export interface PauseBoardParts {
  readonly clock: Clock
  readonly log: Log
}

/** What a person asked for, or the hours they set: no trouble of the machine. */
const WANTED: ReadonlySet<PauseCause> = new Set(['owner', 'hours'])

/**
 * Everything that speaks against beginning a build here. While there is any, the node claims no job; builds that run go on. Whoever
 * finds the machine unfit sets its cause, and clears it when that is over.
 */
export class PauseBoard {
  readonly #parts: PauseBoardParts
  readonly #pauses = new Map<PauseCause, Pause>()

  constructor(parts: PauseBoardParts) {
    this.#parts = parts
  }

  /** Once more with another reason: the reason is another, the pause the same. */
  set(cause: PauseCause, reason: string, options: { readonly untilMs?: number | undefined } = {}): void {
    const { clock, log } = this.#parts
    const known = this.#pauses.get(cause)
    const { untilMs } = options
    this.#pauses.set(cause, {
      cause,
      reason,
      sinceMs: known?.sinceMs ?? clock.monotonicMs(),
      ...(untilMs !== undefined && { untilMs })
    })
    if (known === undefined) log[levelOf(cause)]('no builds are begun for now', { cause, reason })
  }

  clear(cause: PauseCause): void {
    const known = this.#pauses.get(cause)
    if (known === undefined) return
    this.#pauses.delete(cause)
    const { clock, log } = this.#parts
    const afterMs = Math.round(clock.monotonicMs() - known.sinceMs)
    const others = [...this.#pauses.keys()]
    log[levelOf(cause)]('what kept builds from beginning is over', { cause, afterMs, others })
  }

  isSet(cause: PauseCause): boolean {
    return this.#pauses.has(cause)
  }

  /** The weightiest first; empty: nothing speaks against building. */
  all(): readonly Pause[] {
    return PAUSE_CAUSES.flatMap((cause) => this.#pauses.get(cause) ?? [])
  }

  /** What the others hear. */
  note(): PausedNote | undefined {
    const [first] = this.all()
    if (first === undefined) return undefined
    const { cause, reason, sinceMs } = first
    return { cause, reason, elapsedMs: Math.round(this.#parts.clock.monotonicMs() - sinceMs) }
  }

  /** The reasons that somebody should know of: nobody asked for these. */
  troubles(): readonly string[] {
    return this.all().flatMap(({ cause, reason }) => (WANTED.has(cause) ? [] : [reason]))
  }
}

function levelOf(cause: PauseCause): 'info' | 'warn' {
  return WANTED.has(cause) ? 'info' : 'warn'
}
