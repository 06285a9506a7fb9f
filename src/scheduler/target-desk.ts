import type { ShardId } from '../core/coordination.ts'
import type { JobId, TargetId } from '../core/ids.ts'
import { SLICES_SETTLE_MS } from '../core/limits.ts'
import { shardOfJob, shardsOf } from '../core/shard.ts'
import { Claims } from './claims.ts'
import { Troubles } from './troubles.ts'

/** What a node knows of one target's jobs in work, and how the target is divided into shards. */
export class TargetDesk {
  readonly target: TargetId
  readonly claims = new Claims()
  readonly troubles = new Troubles()
  #count = 0
  #shards: readonly ShardId[] = []
  #settledMs = -Infinity

  constructor(target: TargetId) {
    this.target = target
  }

  shards(): readonly ShardId[] {
    return this.#shards
  }

  shardOf(job: JobId): ShardId {
    return shardOfJob(job, this.#count)
  }

  /**
   * Divides the target anew; false when nothing changes. A node that just started has granted nothing by another division; it
   * cannot win the lease of a shard that the others have closed.
   */
  divide(count: number, nowMs: number): boolean {
    if (count === this.#count) return false
    if (this.#count > 0) this.#settledMs = nowMs + SLICES_SETTLE_MS
    this.#count = count
    this.#shards = shardsOf(this.target, count)
    return true
  }

  /** Everybody who is connected has seen the division by now. */
  isSettled(nowMs: number): boolean {
    return nowMs >= this.#settledMs
  }
}
