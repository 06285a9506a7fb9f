import type { BlobRef, WheelRef } from './record.ts'
import type { JobId, NodeId, ProjectName, TargetId } from './ids.ts'

/** `stable`: what the publish rule lets through; `testing`: the rest that is not quarantined. */
export type Channel = 'stable' | 'testing'

/** A wheel of the mesh as the catalogue lists it. */
export interface PublishedWheel {
  readonly project: ProjectName
  readonly version: string
  readonly target: TargetId
  readonly job: JobId
  readonly wheel: WheelRef
  readonly builder: NodeId
  /** When its build ended by the builder's clock: the same on every node. */
  readonly publishedMs: number
  readonly durationMs: number
  readonly log: BlobRef
  readonly channel: Channel
}
