import type { Presence, RunningJob } from '../core/coordination.ts'
import { presencePeriodMs } from './presence-book.ts'

/** What the node's own builders are doing. */
export interface Workload {
  freeSlots(): number
  running(): readonly RunningJob[]
}

export interface PresenceParts {
  /** Random per process. */
  readonly boot: number
  workload(): Workload | undefined
  entryCount(): number
  tell(presence: Presence): void
}

/** Tells the mesh that this node is there: from its own timer, and at once when what it builds changes. */
export class PresenceTeller {
  readonly #parts: PresenceParts
  #seq = 0
  #nextMs = 0
  #lastWorkload = ''

  constructor(parts: PresenceParts) {
    this.#parts = parts
  }

  tick(nowMs: number, nodes: number): void {
    const running = this.#parts.workload()?.running() ?? []
    const workload = running.map(({ job, phase }) => `${job} ${phase}`).join()
    if (nowMs < this.#nextMs && workload === this.#lastWorkload) return
    this.#lastWorkload = workload
    this.#nextMs = nowMs + presencePeriodMs(nodes)
    this.tell(true)
  }

  /** At the next tick rather than at the next turn: a newcomer connected. */
  hurry(): void {
    this.#nextMs = 0
  }

  tell(staying: boolean): void {
    const workload = this.#parts.workload()
    this.#parts.tell({
      kind: 'presence',
      boot: this.#parts.boot,
      seq: ++this.#seq,
      freeSlots: workload?.freeSlots() ?? 0,
      running: workload?.running() ?? [],
      entries: this.#parts.entryCount(),
      staying
    })
  }
}
