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
  /** Whoever was heard last comes last. */
  readonly #sightings = new Map<NodeId, Sighting>()
  readonly #runners = new Map<JobId, readonly NodeId[]>()
  #version = 0

  /** False when the message is older than what is known. */
  note(node: NodeId, presence: Presence, nowMs: number): boolean {
    const known = this.#sightings.get(node)
    if (known?.presence.boot === presence.boot && presence.seq <= known.presence.seq) return false
    if (!isAlike(known?.presence, presence) || !this.isPresent(node, nowMs)) this.#version++
    this.#forget(node)
    const [longestUnheard] = this.#sightings.keys()
    if (this.#sightings.size >= MAX_SIGHTINGS && longestUnheard !== undefined) this.#forget(longestUnheard)
    this.#sightings.set(node, { presence, heardMs: nowMs })
    for (const { job } of presence.running) {
      const runners = this.#runners.get(job) ?? []
      if (!runners.includes(node)) this.#runners.set(job, [...runners, node])
    }
    return true
  }

  get(node: NodeId): Sighting | undefined {
    return this.#sightings.get(node)
  }

  /** Grows when a node came, came back, said goodbye, was paused or went on. */
  version(): number {
    return this.#version
  }

  isPresent(node: NodeId, nowMs: number): boolean {
    const sighting = this.#sightings.get(node)
    if (sighting?.presence.staying !== true) return false
    return nowMs - sighting.heardMs < PRESENCE_MISSED * presencePeriodMs(this.#sightings.size)
  }

  /** It says that it begins no builds for now. */
  isPaused(node: NodeId): boolean {
    return this.#sightings.get(node)?.presence.paused !== undefined
  }

  /** The node that says it builds a job. */
  whoRuns(job: JobId, nowMs: number): NodeId | undefined {
    return this.#runners.get(job)?.find((node) => this.isPresent(node, nowMs))
  }

  /** It said goodbye, and has not been back. */
  hasLeft(node: NodeId): boolean {
    return this.#sightings.get(node)?.presence.staying === false
  }

  *present(nowMs: number): Iterable<NodeId> {
    for (const node of this.#sightings.keys()) if (this.isPresent(node, nowMs)) yield node
  }

  #forget(node: NodeId): void {
    for (const { job } of this.#sightings.get(node)?.presence.running ?? []) {
      const others = (this.#runners.get(job) ?? []).filter((one) => one !== node)
      if (others.length > 0) this.#runners.set(job, others)
      else this.#runners.delete(job)
    }
    this.#sightings.delete(node)
  }
}

/** Whoever counts on the node may go on doing so as before. */
function isAlike(known: Presence | undefined, now: Presence): boolean {
  return known?.staying === now.staying && (known.paused === undefined) === (now.paused === undefined)
}

/** Slow enough that the mesh carries at most some ten presence messages a second. */
export function presencePeriodMs(nodes: number): number {
  return PRESENCE_MS * Math.max(1, nodes / FAST_NODES)
}
