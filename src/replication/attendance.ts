import type { NodeId } from '../core/ids.ts'
import { KEEPER_AWAY_MS } from '../core/limits.ts'
import type { Clock } from '../core/ports.ts'

/** Which members were here a short time ago: copies are not made again because of a reboot. */
export class Attendance {
  readonly #clock: Clock
  readonly #startedMs: number
  readonly #seenMs = new Map<NodeId, number>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedMs = clock.monotonicMs()
  }

  /** These are here now. */
  note(present: Iterable<NodeId>): void {
    const nowMs = this.#clock.monotonicMs()
    for (const node of present) this.#seenMs.set(node, nowMs)
  }

  /** Here, or away for less than {@link KEEPER_AWAY_MS}; of those never seen it is not known before this node ran for so long. */
  wasHereLately(node: NodeId): boolean {
    return this.#clock.monotonicMs() - (this.#seenMs.get(node) ?? this.#startedMs) < KEEPER_AWAY_MS
  }

  /** Only these belong to the mesh. */
  keepOnly(members: ReadonlySet<NodeId>): void {
    for (const node of this.#seenMs.keys()) if (!members.has(node)) this.#seenMs.delete(node)
  }
}
