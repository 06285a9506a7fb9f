import type { Sha256, TargetId } from '../core/ids.ts'
import type { Job } from '../core/job.ts'

/** What a good wheel says about itself; the rest of a WheelRef is digests and sizes. */
export interface WheelFacts {
  readonly requiresPython: string
  /** The METADATA member, byte for byte. */
  readonly metadata: Uint8Array
  readonly aptPackages: readonly string[]
  readonly glibcFloor: string
  /** Of what the wheel unpacks to; see normalized-digest.ts. */
  readonly normalized: Sha256
  /** Code for one platform by its tags, and no compiled code in it. */
  readonly isHollow: boolean
  /** Targets with another platform that run this wheel's code as well, could they but take its tags. */
  readonly alsoRunsOn: readonly TargetId[]
}

export interface ExpectedWheel {
  readonly job: Job
  /** Every tag the interpreter supports, as `py-abi-plat`. */
  readonly pythonTags: readonly string[]
  readonly scratchDir: string
}

export type WheelInspection =
  | { readonly kind: 'ok'; readonly facts: WheelFacts }
  | { readonly kind: 'refused'; readonly cause: string; readonly reason: string }

/** Judges the wheel that a build left. Whatever it finds wrong is the package's fault, never an exception. */
export type InspectWheel = (wheelPath: string, expected: ExpectedWheel) => Promise<WheelInspection>
