import type { ProjectName, Sha256, TargetId } from '../core/ids.ts'
import type { SmokeTest } from '../core/record.ts'
import type { JobStateView } from './api-types.ts'

/** Everything the page and the JSON of one project show. The catalogue and the job board know it. */
export interface ProjectView {
  readonly name: ProjectName
  /** As its author writes it. */
  readonly displayName: string
  readonly summary: string
  /** Where upstream shows it to people; `''` when unknown. */
  readonly upstreamUrl: string
  /** Columns of the table, in the order of the cascade. */
  readonly targets: readonly TargetId[]
  /** Newest first; those of `first` and following, when a part was asked for. */
  readonly releases: readonly ReleaseView[]
  /** Place of the first of `releases` among all that are shown, from 0. */
  readonly first: number
  /** All releases that are shown. */
  readonly total: number
}

/** A part of the releases, counted from the newest. */
export interface ReleaseRange {
  readonly first: number
  readonly count: number
}

/** Which part is shown, in a mesh with so many targets. */
export type RangeFor = (targets: number) => ReleaseRange

export interface ReleaseView {
  /** As upstream writes it. */
  readonly version: string
  /** When upstream got its first file. */
  readonly releasedMs?: number
  readonly prerelease: boolean
  readonly yanked: boolean
  /** `''` unless somebody said never to build it. */
  readonly skipReason: string
  readonly wheels: readonly WheelView[]
  readonly cells: readonly CellView[]
}

/** A wheel of the mesh. */
export interface WheelView {
  readonly filename: string
  readonly sha256: Sha256
  readonly size: number
  readonly target: TargetId
  readonly requiresPython: string
  readonly aptPackages: readonly string[]
  /** Names from `Requires-Dist` without extras; empty where only a page was asked for. */
  readonly pipDependencies: readonly string[]
  readonly builder: string
  readonly log: Sha256
  readonly yanked: boolean | string
  /** What came of importing it where it was built; absent for those of older builders. */
  readonly smoke?: SmokeTest
  /** Why it may be a silent fall-back. */
  readonly suspicious?: string
}

/** One release on one target. */
export interface CellView {
  readonly target: TargetId
  readonly state: JobStateView
  /** In words; `''` where the state says it all. */
  readonly reason: string
  /** Whether some want asks for it; it does unless this says no. */
  readonly asked?: boolean
  /** Code of the cause of a failure. */
  readonly cause?: string
  /** The last build, or the one that made the wheel. */
  readonly build?: CellBuildView
  readonly log?: Sha256
}

export interface CellBuildView {
  readonly builder: string
  /** What its owner calls it; `''` when it never said. */
  readonly label: string
  readonly finishedMs: number
  readonly durationMs: number
}
