import type { Presence, RunningJob } from '../core/coordination.ts'
import { PRESENCE_GAP_MS } from '../core/limits.ts'
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
  /** It takes copies of blobs; unless given, it does. */
  hasRoom?(): boolean
  /** Nodes present: the more there are, the more rarely each one speaks. */
  nodes(): number
  tell(presence: Presence): void
}

/** Tells the mesh that this node is there: from its own timer, and at once when what it builds, or whether it has room, changes. */
export class PresenceTeller {
  readonly #parts: PresenceParts
  #seq = 0
  /** No word before this, whatever changes: all nodes together say some ten a second at most. */
  #notBeforeMs = 0
  #nextMs = 0
  #lastWorkload = ''

  constructor(parts: PresenceParts) {
    this.#parts = parts
  }

  tick(nowMs: number): void {
    if (nowMs < this.#notBeforeMs) return
    const workload = this.#describe()
    if (nowMs < this.#nextMs && workload === this.#lastWorkload) return
    const nodes = this.#parts.nodes()
    this.#lastWorkload = workload
    this.#notBeforeMs = nowMs + nodes * PRESENCE_GAP_MS
    this.#nextMs = nowMs + presencePeriodMs(nodes)
    this.tell(true)
  }

  /** As soon as it may rather than at the next turn: a newcomer connected. */
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
      room: this.#hasRoom(),
      staying
    })
  }

  #describe(): string {
    const running = this.#parts.workload()?.running() ?? []
    return [this.#hasRoom(), ...running.map(({ job, phase }) => `${job} ${phase}`)].join()
  }

  #hasRoom(): boolean {
    return this.#parts.hasRoom?.() ?? true
  }
}
