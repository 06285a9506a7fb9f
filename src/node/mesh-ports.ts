import type { Clock, Log, Random } from '../core/ports.ts'
import type { MeshMembership } from './mesh-files.ts'

/** What every part of a node takes of the machine. */
export interface MeshPorts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Who this node is, and in which mesh. */
export interface MeshIdentity {
  readonly seed: Uint8Array
  readonly membership: MeshMembership
  /** Random per process. */
  readonly boot: number
}
