import type { ProjectName, TargetId } from '../core/ids.ts'
import { DEMAND_HALF_LIFE_MS, DEMAND_SPACING_MS, DEMAND_THRESHOLD, MAX_DEMANDS } from '../core/limits.ts'
import type { Clock } from '../core/ports.ts'

/** A project that clients of a kind ask for. */
export interface Demand {
  readonly project: ProjectName
  /** What wheels could serve them, the likeliest first. */
  readonly targets: readonly TargetId[]
}

interface Counted extends Demand {
  weight: number
  atMs: number
}

/**
 * How often clients of a kind asked for a project lately: counts that decay, for a bounded number of pairs. It knows projects and
 * targets, and nothing of who asked.
 */
export class DemandBook {
  readonly #clock: Clock
  /** In the order of use: the first one was asked for least lately. */
  readonly #counted = new Map<string, Counted>()
  readonly #ripe = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#counted.size
  }

  /** Of many requests in a minute one counts. */
  note({ project, targets }: Demand): void {
    const nowMs = this.#clock.monotonicMs()
    const key = `${project} ${targets[0] ?? ''}`
    const known = this.#counted.get(key)
    if (known !== undefined && nowMs - known.atMs < DEMAND_SPACING_MS) return
    const rest = known === undefined ? 0 : known.weight * 2 ** ((known.atMs - nowMs) / DEMAND_HALF_LIFE_MS)
    this.#counted.delete(key)
    this.#counted.set(key, { project, targets, weight: rest + 1, atMs: nowMs })
    if (rest + 1 >= DEMAND_THRESHOLD) this.#ripe.add(key)
    if (this.#counted.size <= MAX_DEMANDS) return
    const [oldest = ''] = this.#counted.keys()
    this.#counted.delete(oldest)
    this.#ripe.delete(oldest)
  }

  /** Takes some that were asked for often enough; they are counted anew from then on. */
  take(count: number): readonly Demand[] {
    const keys = [...this.#ripe].slice(0, count)
    return keys.flatMap((key) => {
      this.#ripe.delete(key)
      const counted = this.#counted.get(key)
      if (counted === undefined) return []
      counted.weight = 0
      return [{ project: counted.project, targets: counted.targets }]
    })
  }
}
