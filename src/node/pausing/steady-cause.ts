import type { Clock } from '../../core/ports.ts'
import type { PauseBoard, PauseCause } from './pause-board.ts'

/** How long all must be well before a cause is lifted. */
export const HOLD_MS = 60_000
/** One that grows is doubled, up to the first, when the cause comes back within the second. */
const HOLD_MAX_MS = 30 * 60_000
const AGAIN_MS = 60 * 60_000

export interface Steadiness {
  /** Readings in a row that must speak against building; 1: the first one counts. */
  readonly patience: number
  /** How long all must be well before it is lifted; 0: at once, for what does not swing by itself. */
  readonly holdMs: number
  /** Twice as long each time that it comes back: for what is well as long as nothing is built. */
  readonly growing?: true
}

/**
 * Puts a cause on the board that comes and goes with a reading, without flapping: not for a single peak, and not lifted at the first
 * good reading.
 */
export class SteadyCause {
  readonly #parts: { readonly clock: Clock; readonly board: PauseBoard }
  readonly #cause: PauseCause
  readonly #steadiness: Steadiness
  #badInARow = 0
  #goodSinceMs: number | undefined
  #liftedMs = -Infinity
  #holdMs: number

  constructor(
    parts: { readonly clock: Clock; readonly board: PauseBoard },
    cause: PauseCause,
    steadiness: Steadiness
  ) {
    this.#parts = parts
    this.#cause = cause
    this.#steadiness = steadiness
    this.#holdMs = steadiness.holdMs
  }

  isSet(): boolean {
    return this.#parts.board.isSet(this.#cause)
  }

  /** A reading: why nothing may be begun, undefined when all is well. */
  judge(reason: string | undefined, untilMs?: number): void {
    const nowMs = this.#parts.clock.monotonicMs()
    if (reason === undefined) this.#good(nowMs)
    else this.#bad(reason, { nowMs, untilMs })
  }

  #bad(
    reason: string,
    { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs?: number | undefined }
  ): void {
    this.#goodSinceMs = undefined
    this.#badInARow++
    const isNew = !this.isSet()
    if (isNew && this.#badInARow < this.#steadiness.patience) return
    if (isNew) {
      const { growing, holdMs } = this.#steadiness
      const isBack = growing === true && nowMs - this.#liftedMs < AGAIN_MS
      this.#holdMs = isBack ? Math.min(this.#holdMs * 2, HOLD_MAX_MS) : holdMs
    }
    this.#parts.board.set(this.#cause, reason, { untilMs })
  }

  #good(nowMs: number): void {
    this.#badInARow = 0
    if (!this.isSet()) return
    this.#goodSinceMs ??= nowMs
    if (nowMs - this.#goodSinceMs < this.#holdMs) return
    this.#liftedMs = nowMs
    this.#parts.board.clear(this.#cause)
  }
}
