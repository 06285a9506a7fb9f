import type { Clock } from '../core/ports.ts'
import { EventQueue } from './event-queue.ts'

/** What happens within so much virtual time runs in one go, before the promises that it resolved go on. */
const STEP_MS = 1
/** 2017-09-01: where all wall clocks of a scenario begin. */
const EPOCH_MS = 1_504_224_000_000

/**
 * Virtual time for a mesh of thousands. Unlike `World` it does not wait for promises after every single event, but after all those
 * of one millisecond: what is awaited there costs no virtual time anyway.
 */
export class ScaleWorld {
  readonly clock: Clock
  readonly #queue = new EventQueue()
  #nowMs = 0
  #order = 0
  #events = 0

  constructor() {
    this.clock = {
      monotonicMs: () => this.#nowMs,
      wallMs: () => EPOCH_MS + Math.round(this.#nowMs),
      sleep: (ms) =>
        new Promise((resolve) => {
          this.at(ms, resolve)
        })
    }
  }

  nowMs(): number {
    return this.#nowMs
  }

  /** Events and deliveries so far. */
  events(): number {
    return this.#events
  }

  /** One event did the work of many: each node that a gossiped message got to counts. */
  count(deliveries: number): void {
    this.#events += deliveries
  }

  at(inMs: number, run: () => void): void {
    this.#queue.push({ atMs: this.#nowMs + Math.max(0, inMs), order: this.#order++, run })
  }

  /** Again and again, from one period from now on. */
  every(periodMs: number, run: () => void): void {
    this.at(periodMs, () => {
      run()
      this.every(periodMs, run)
    })
  }

  /** Runs until `until` holds, looked at after every step, or the time is over. */
  async run(forMs: number, until: () => boolean): Promise<void> {
    const endMs = this.#nowMs + forMs
    while (!until()) {
      const next = this.#queue.peek()
      if (next === undefined || next.atMs > endMs) {
        this.#nowMs = Math.min(endMs, Number.MAX_SAFE_INTEGER)
        return
      }
      this.#step(Math.min(next.atMs + STEP_MS, endMs))
      await settled()
    }
  }

  #step(endMs: number): void {
    for (let next = this.#queue.peek(); next !== undefined && next.atMs <= endMs; next = this.#queue.peek()) {
      this.#queue.pop()
      this.#nowMs = next.atMs
      this.#events++
      next.run()
    }
  }
}

/** After all promises that could go on have gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
