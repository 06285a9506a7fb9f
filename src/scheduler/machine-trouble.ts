import type { PausedNote } from '../core/coordination.ts'
import { backOffMs } from '../core/retry.ts'

/** What keeps this very machine from building: failures that are not a package's, and a disk that takes no results. */
export class MachineTrouble {
  /** In a row. */
  #failures = 0
  #untilMs = 0
  #reason = ''
  /** Since when there is one without a break. */
  #sinceMs: number | undefined
  readonly #noRoom: () => string | undefined

  constructor(noRoom: () => string | undefined) {
    this.#noRoom = noRoom
  }

  /** Nothing is to be begun for a while, longer with each failure in a row; how many there were. */
  failed(reason: string, nowMs: number): number {
    this.#failures++
    this.#reason = reason
    this.#untilMs = nowMs + backOffMs(this.#failures)
    return this.#failures
  }

  /** A build came to its end, whatever that was: the machine can build. */
  worked(): void {
    this.#failures = 0
  }

  /** Its owner says that it is over. */
  forgive(): void {
    this.#untilMs = 0
  }

  reason(nowMs: number): string | undefined {
    return nowMs < this.#untilMs ? this.#reason : this.#noRoom()
  }

  /** What the others hear. */
  note(nowMs: number): PausedNote | undefined {
    const reason = this.reason(nowMs)
    if (reason === undefined) this.#sinceMs = undefined
    else this.#sinceMs ??= nowMs
    return reason === undefined
      ? undefined
      : { cause: 'trouble', reason, elapsedMs: nowMs - (this.#sinceMs ?? nowMs) }
  }
}
