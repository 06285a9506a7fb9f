import type { PausedNote, Presence, RunningJob } from '../core/coordination.ts'
import { MAX_PAUSE_REASON_CHARS, PRESENCE_GAP_MS } from '../core/limits.ts'
import { presencePeriodMs } from './presence-book.ts'

/** What the node's own builders are doing. */
export interface Workload {
  freeSlots(): number
  running(): readonly RunningJob[]
  /** Why it begins nothing for now, if so. */
  paused?(): PausedNote | undefined
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

/** Tells the mesh that this node is there: from its own timer, and at once when what it builds, whether it has room, or why it is paused changes. */
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
      ...pausedField(workload?.paused?.()),
      staying
    })
  }

  #describe(): string {
    const workload = this.#parts.workload()
    const running = workload?.running() ?? []
    // The cause alone: a reason with a temperature in it would be news at every turn.
    const cause = workload?.paused?.()?.cause ?? ''
    return [this.#hasRoom(), cause, ...running.map(({ job, phase }) => `${job} ${phase}`)].join()
  }

  #hasRoom(): boolean {
    return this.#parts.hasRoom?.() ?? true
  }
}

function pausedField(note: PausedNote | undefined): Pick<Presence, 'paused'> {
  if (note === undefined) return {}
  const { cause, reason, elapsedMs } = note
  const told = reason.slice(0, MAX_PAUSE_REASON_CHARS)
  return { paused: { cause, reason: told, elapsedMs: Math.max(0, Math.round(elapsedMs)) } }
}
