import type { SeedReport } from '../simulation/run-seed.ts'

export { SCENARIO_NAMES, type ScenarioName } from '../simulation/scale-report.ts'
export type { SeedReport }

/** One run to make. */
export interface SeedTask {
  readonly seed: number
  /** Keep a transcript: memory for some ten thousand lines. */
  readonly transcript?: boolean
  /** Stop at the first violation. */
  readonly failFast?: boolean
}

export type SeedOutcome =
  | { readonly kind: 'ran'; readonly seed: number; readonly report: SeedReport }
  /** The simulator or the node's code threw, or ran out of memory. */
  | { readonly kind: 'broke-off'; readonly seed: number; readonly reason: string }
