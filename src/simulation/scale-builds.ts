import type { JobId, NodeId } from '../core/ids.ts'
import type { ScalePackages } from './scale-packages.ts'
import type { ScaleWorld } from './scale-world.ts'

export interface BuildTotals {
  readonly begun: number
  readonly built: number
  readonly failed: number
  /** Ended builds of jobs that another build had ended before. */
  readonly duplicates: number
  /** Broken off, or gone with their node. */
  readonly lost: number
  readonly lostWorkMs: number
  readonly workMs: number
  readonly longestMs: number
  readonly lastEndMs: number
}

interface Running {
  readonly job: JobId
  readonly sinceMs: number
}

/** Everything that is built in a run, by whom. Each node builds one job at a time. */
export class ScaleBuilds {
  readonly #world: ScaleWorld
  readonly #packages: ScalePackages
  readonly #running = new Map<NodeId, Running>()
  readonly #ended = new Set<JobId>()
  /** Somebody works on it, or its result is on its way to everybody, or its builder died with it. */
  readonly #taken = new Set<JobId>()
  #totals = {
    begun: 0,
    built: 0,
    failed: 0,
    duplicates: 0,
    lost: 0,
    lostWorkMs: 0,
    workMs: 0,
    longestMs: 0,
    lastEndMs: 0
  }

  constructor(world: ScaleWorld, packages: ScalePackages) {
    this.#world = world
    this.#packages = packages
  }

  begin(node: NodeId, job: JobId): void {
    this.#totals.begun++
    this.#running.set(node, { job, sinceMs: this.#world.nowMs() })
    this.#taken.add(job)
  }

  end(node: NodeId, job: JobId, isBuilt: boolean): void {
    const tookMs = this.#tookMs(node)
    const totals = this.#totals
    this.#running.delete(node)
    if (this.#ended.has(job)) totals.duplicates++
    this.#ended.add(job)
    if (isBuilt) totals.built++
    else totals.failed++
    totals.workMs += tookMs
    totals.longestMs = Math.max(totals.longestMs, tookMs)
    totals.lastEndMs = this.#world.nowMs()
  }

  /** It is broken off, and its builder says so. */
  breakOff(node: NodeId, job: JobId): void {
    this.lose(node)
    this.#taken.delete(job)
  }

  /** Its node died. Nobody knows so yet: the job is not there for others. */
  lose(node: NodeId): void {
    if (!this.#running.has(node)) return
    this.#totals.lost++
    this.#totals.lostWorkMs += this.#tookMs(node)
    this.#running.delete(node)
  }

  /** The result is known to everybody. */
  known(job: JobId): void {
    this.#taken.delete(job)
  }

  isTaken(job: JobId): boolean {
    return this.#taken.has(job)
  }

  /** Nodes that build. */
  busy(): number {
    return this.#running.size
  }

  /** Nobody builds, and no result is on its way. */
  isIdle(): boolean {
    return this.#running.size === 0 && this.#taken.size === 0
  }

  /** Jobs that ended at least once. */
  done(): number {
    return this.#ended.size
  }

  totals(): BuildTotals {
    return { ...this.#totals }
  }

  /** When the builds that run now, and what follows from them, would be over if nobody ever waited; with how many run. */
  rest(): { readonly running: number; readonly endMs: number; readonly longestMs: number } {
    let [endMs, longestMs] = [this.#totals.lastEndMs, this.#totals.longestMs]
    for (const { job, sinceMs } of this.#running.values()) {
      const durationMs = this.#packages.durationMs(job)
      longestMs = Math.max(longestMs, durationMs)
      endMs = Math.max(endMs, sinceMs + durationMs + this.#packages.afterwardsMs(job))
    }
    return { running: this.#running.size, endMs, longestMs }
  }

  #tookMs(node: NodeId): number {
    return this.#world.nowMs() - (this.#running.get(node)?.sinceMs ?? this.#world.nowMs())
  }
}
