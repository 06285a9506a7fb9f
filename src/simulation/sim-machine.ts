import type { NodeId, TargetId } from '../core/ids.ts'
import type { Dice } from './seeded-random.ts'
import { SimClock } from './sim-clock.ts'
import { SimDisk } from './sim-disk.ts'
import type { World } from './world.ts'

/** What the kernel keeps for a process that is stopped; the rest is lost. */
const MAX_BACKLOG = 2_000

export interface MachineFacts {
  readonly id: NodeId
  readonly targets: readonly TargetId[]
  readonly slots: number
  /** How fast its clock runs: 1 is right. */
  readonly clockRate: number
  readonly clockOffsetMs: number
}

/** A Pi: its disk and its clock stay when its process dies. */
export class SimMachine {
  readonly id: NodeId
  readonly facts: MachineFacts
  readonly dice: Dice
  readonly disk: SimDisk
  readonly clock: SimClock
  readonly #world: World
  /** Set while a node runs here. */
  process: { readonly alive: boolean } | undefined
  /** Everything on it takes this much longer. */
  lagMs = 0
  #paused = false
  #pausedSinceMs = -Infinity
  #backlog: (() => void)[] = []
  boots = 0
  /** It left the mesh and does not come back. */
  hasLeft = false
  /** Its process was last seen dead or stopped then. */
  lastAbsentMs = -Infinity

  constructor(world: World, facts: MachineFacts, dice: Dice) {
    this.#world = world
    this.id = facts.id
    this.facts = facts
    this.dice = dice
    this.disk = new SimDisk(dice)
    const later = (inMs: number, run: () => void): void => {
      this.later(inMs, run)
    }
    this.clock = new SimClock(world, later, { rate: facts.clockRate, offsetMs: facts.clockOffsetMs })
  }

  isPaused(): boolean {
    return this.#paused
  }

  /** As SIGSTOP: nothing runs, messages wait, the clock goes on. */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#pausedSinceMs = this.#world.nowMs()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.lastAbsentMs = this.#world.nowMs()
    const backlog = this.#backlog
    this.#backlog = []
    for (const run of backlog)
      this.#world.at(0, () => {
        this.#whenAwake(run)
      })
  }

  /** Since when it has been running without a break. */
  presentSinceMs(): number {
    if (this.process?.alive !== true) return Infinity
    return this.#paused ? Infinity : this.lastAbsentMs
  }

  pausedForMs(): number {
    return this.#paused ? this.#world.nowMs() - this.#pausedSinceMs : 0
  }

  nowMs(): number {
    return this.#world.nowMs()
  }

  /** Runs `run` later in the process that runs here now, if that one still does by then. */
  later(inMs: number, run: () => void): void {
    const process = this.process
    this.#world.at(inMs, () => {
      if (this.process === process && process?.alive !== false) this.#whenAwake(run)
    })
  }

  /** Runs now, or as soon as the machine does something again. */
  whenAwake(process: { readonly alive: boolean }, run: () => void): void {
    if (!process.alive) return
    const guarded = (): void => {
      if (process.alive) run()
    }
    if (this.lagMs > 0 && !this.#paused)
      this.#world.at(this.dice.between(0, this.lagMs), () => {
        this.#whenAwake(guarded)
      })
    else this.#whenAwake(guarded)
  }

  /** The process is gone; what waited for it is, too. */
  forget(): void {
    this.#backlog = []
    this.#paused = false
    this.lagMs = 0
    this.lastAbsentMs = this.#world.nowMs()
    this.process = undefined
  }

  #whenAwake(run: () => void): void {
    if (!this.#paused) run()
    else if (this.#backlog.length < MAX_BACKLOG) this.#backlog.push(run)
  }
}
