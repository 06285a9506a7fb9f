import type { JobId } from '../core/ids.ts'
import { MAX_PINNED_JOBS } from '../core/limits.ts'

/** With which requirements builders are at work: for the next builder of a job whose builder falls silent. */
export class PinBook {
  readonly #pins = new Map<JobId, readonly string[]>()

  get(job: JobId): readonly string[] | undefined {
    return this.#pins.get(job)
  }

  /** What was told last counts; beyond {@link MAX_PINNED_JOBS} what was told longest ago goes. */
  keep(job: JobId, pins: readonly string[]): void {
    this.#pins.delete(job)
    this.#pins.set(job, pins)
    const [oldest] = this.#pins.keys()
    if (this.#pins.size > MAX_PINNED_JOBS && oldest !== undefined) this.#pins.delete(oldest)
  }

  forget(job: JobId): void {
    this.#pins.delete(job)
  }
}
