import type { BuildPhase, BuildRequest } from '../core/ports.ts'
import type { ResolvedOptions } from './build-options.ts'
import type { BuildContext } from './run-inside.ts'

/** One build on its way: its surroundings, its bounds, and what it tells while it runs. */
export interface BuildRun {
  readonly context: BuildContext
  readonly request: BuildRequest
  readonly options: ResolvedOptions
  readonly onPhase: (phase: BuildPhase) => Promise<void>
  /** Told after each round of fetching, so that a failed build says what it had been given. */
  readonly onRequirements: (lines: readonly string[]) => void
  /** Told of the hosts that a build with network reached. */
  readonly onNetwork: (hosts: readonly string[]) => void
}
