import type { ShardId } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import { VIEW_CHANGE_SILENCE_MS } from '../core/limits.ts'
import { isPreferred } from '../core/rendezvous.ts'

/** A candidate that comes first is left alone this long after it asked: until its bid is decided. */
const GIVE_WAY_MS = 6_000
/**
 * No candidate is given way to for longer than this in one go: it may hear no answers, or be unable to write. Then the others have as
 * long, in their order, before it has its next turn.
 */
const GIVE_WAY_MOST_MS = VIEW_CHANGE_SILENCE_MS

interface Rival {
  readonly sinceMs: number
  lastMs: number
}

/**
 * Candidates that were heard to ask. Candidates bind themselves when they bid, so that many who try at once keep each other from a
 * majority for ever: all but the first in rendezvous order give way. Rule C3.
 */
export class Rivals {
  readonly #shard: ShardId
  readonly #self: NodeId
  readonly #rivals = new Map<NodeId, Rival>()

  constructor(shard: ShardId, self: NodeId) {
    this.#shard = shard
    this.#self = self
  }

  asked(node: NodeId, nowMs: number): void {
    if (node === this.#self || !isPreferred(this.#shard, node, this.#self)) return
    const known = this.#rivals.get(node)
    const isNewTurn =
      known === undefined ||
      nowMs - known.lastMs > 2 * GIVE_WAY_MS ||
      nowMs - known.sinceMs >= 2 * GIVE_WAY_MOST_MS
    if (isNewTurn) this.#rivals.set(node, { sinceMs: nowMs, lastMs: nowMs })
    else known.lastMs = nowMs
  }

  /** Somebody who comes first is trying. */
  areTrying(nowMs: number): boolean {
    for (const { sinceMs, lastMs } of this.#rivals.values())
      if (nowMs - lastMs < GIVE_WAY_MS && nowMs - sinceMs < GIVE_WAY_MOST_MS) return true
    return false
  }

  /** Somebody holds. */
  forget(): void {
    this.#rivals.clear()
  }
}
