import { messageOf } from '../core/errors.ts'
import type { Clock, Log } from '../core/ports.ts'

/** What of the system's packages builds find here. */
export interface PackageList {
  /** Sorted. Cheap to ask again: it is read only when it changed. */
  names(): Promise<readonly string[]>
}

export interface PackageWatchParts {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly log: Log
  readonly packages: PackageList
  /** Tells the mesh; what it rejects is tried again at the next look. */
  readonly onChange: () => Promise<void>
}

/** A look is one `stat`: soon enough for a person who just installed what a build lacked and waits for it. */
const LOOK_MS = 10_000

/** Notices that packages came or went while the node runs, so that what failed for want of one is built without a restart. */
export class PackageWatch {
  readonly #parts: PackageWatchParts
  #told: string
  #nextMs: number
  #isLooking = false

  /** `told`: what the mesh knows already. */
  constructor(parts: PackageWatchParts, told: readonly string[]) {
    this.#parts = parts
    this.#told = told.join()
    this.#nextMs = parts.clock.monotonicMs() + LOOK_MS
  }

  tick(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    if (this.#isLooking || nowMs < this.#nextMs) return
    this.#nextMs = nowMs + LOOK_MS
    this.#isLooking = true
    void this.#look().finally(() => {
      this.#isLooking = false
    })
  }

  async #look(): Promise<void> {
    const { packages, onChange, log } = this.#parts
    try {
      const names = (await packages.names()).join()
      if (names === this.#told) return
      await onChange()
      this.#told = names
    } catch (error) {
      log.warn('the mesh could not be told which packages are here', { error: messageOf(error) })
    }
  }
}
