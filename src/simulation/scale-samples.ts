import type { NodeId } from '../core/ids.ts'
import type { ScaleMesh } from './scale-mesh.ts'

/** Slots are looked at as often as nodes look at themselves. */
export const LOOK_MS = 250
/** Real time and messages of each node are read so often, in looks. */
const LOOKS_PER_WINDOW = 40
const WINDOW_MS = LOOK_MS * LOOKS_PER_WINDOW

/** Slots that stood empty while there was a job for them, of all slots, in samples. */
export class IdleMeter {
  #wasted = 0
  #slots = 0

  look(mesh: ScaleMesh): void {
    const slots = mesh.slots()
    const free = slots - mesh.builds.busy()
    this.#slots += slots
    if (free > 0) this.#wasted += untaken(mesh, free)
  }

  share(): number {
    return this.#slots === 0 ? 0 : this.#wasted / this.#slots
  }
}

/** Jobs that somebody could take now, counted up to so many. */
export function untaken({ ledger, builds }: ScaleMesh, most: number): number {
  let found = 0
  for (const job of ledger.openJobs()) {
    if (builds.isTaken(job)) continue
    if (++found >= most) break
  }
  return found
}

interface Readings {
  readonly spentMs: number
  readonly messages: number
  readonly grants: number
}

/** What coordination costs a node, by windows of virtual time: of nodes that granted in a window, and of others. */
export class LoadMeter {
  readonly #before = new Map<NodeId, Readings>()
  readonly #coordinators = { windows: 0, spentMs: 0, mostMs: 0 }
  readonly #others = { windows: 0, spentMs: 0 }
  #mostMessages = 0
  #looks = 0

  look(mesh: ScaleMesh): void {
    if (this.#looks++ % LOOKS_PER_WINDOW !== 0) return
    for (const { id, spentMs, messages, grants } of mesh.nodes) {
      const before = this.#before.get(id)
      this.#before.set(id, { spentMs, messages, grants })
      if (before === undefined) continue
      this.#note(spentMs - before.spentMs, grants > before.grants)
      this.#mostMessages = Math.max(this.#mostMessages, messages - before.messages)
    }
  }

  /** Shares of one core of this machine; messages a second. */
  figures(): {
    readonly coordinators: number
    readonly coordinatorCpu: number
    readonly busiestCpu: number
    readonly nodeCpu: number
    readonly mostMessagesPerSecond: number
  } {
    const rounds = Math.max(1, Math.ceil(this.#looks / LOOKS_PER_WINDOW) - 1)
    return {
      coordinators: this.#coordinators.windows / rounds,
      coordinatorCpu: this.#coordinators.spentMs / Math.max(1, this.#coordinators.windows) / WINDOW_MS,
      busiestCpu: this.#coordinators.mostMs / WINDOW_MS,
      nodeCpu: this.#others.spentMs / Math.max(1, this.#others.windows) / WINDOW_MS,
      mostMessagesPerSecond: (this.#mostMessages / WINDOW_MS) * 1_000
    }
  }

  #note(spentMs: number, isCoordinator: boolean): void {
    if (!isCoordinator) {
      this.#others.windows++
      this.#others.spentMs += spentMs
      return
    }
    this.#coordinators.windows++
    this.#coordinators.spentMs += spentMs
    this.#coordinators.mostMs = Math.max(this.#coordinators.mostMs, spentMs)
  }
}
