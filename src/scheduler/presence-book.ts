import type { Presence } from '../core/coordination.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { PRESENCE_MISSED, PRESENCE_MS } from '../core/limits.ts'

/** What a node last said of itself, and when it was heard on this node's clock. */
export interface Sighting {
  readonly presence: Presence
  readonly heardMs: number
}

/** Nodes one remembers at most: a mesh of 1,000 with room for those that left. */
const MAX_SIGHTINGS = 5_000
/** Up to this many nodes every node is heard every {@link PRESENCE_MS}; above, more rarely. */
const FAST_NODES = 100

/** Who was heard of lately. Forged or old presence only misleads the eye: no claim and no lease depends on it. */
export class PresenceBook {
  readonly #sightings = new Map<NodeId, Sighting>()

  /** False when the message is older than what is known. */
  note(node: NodeId, presence: Presence, nowMs: number): boolean {
    const known = this.#sightings.get(node)?.presence
    if (known?.boot === presence.boot && presence.seq <= known.seq) return false
    if (known === undefined && this.#sightings.size >= MAX_SIGHTINGS) return false
    this.#sightings.set(node, { presence, heardMs: nowMs })
    return true
  }

  get(node: NodeId): Sighting | undefined {
    return this.#sightings.get(node)
  }

  isPresent(node: NodeId, nowMs: number): boolean {
    const sighting = this.#sightings.get(node)
    if (sighting?.presence.staying !== true) return false
    return nowMs - sighting.heardMs < PRESENCE_MISSED * presencePeriodMs(this.#sightings.size)
  }

  /** The node that says it builds a job. */
  whoRuns(job: JobId, nowMs: number): NodeId | undefined {
    for (const [node, { presence }] of this.#sightings) {
      if (presence.running.some((running) => running.job === job) && this.isPresent(node, nowMs)) return node
    }
    return undefined
  }

  /** It said goodbye, and has not been back. */
  hasLeft(node: NodeId): boolean {
    return this.#sightings.get(node)?.presence.staying === false
  }

  *present(nowMs: number): Iterable<NodeId> {
    for (const node of this.#sightings.keys()) if (this.isPresent(node, nowMs)) yield node
  }
}

/** Slow enough that the mesh carries at most some ten presence messages a second. */
export function presencePeriodMs(nodes: number): number {
  return PRESENCE_MS * Math.max(1, nodes / FAST_NODES)
}
