import type { ClaimNote, CoordinationMessage, ShardId } from '../core/coordination.ts'
import { compareFences } from '../core/fence.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { CLAIM_TTL_MS, PROGRESS_AGAIN_MS } from '../core/limits.ts'

export interface TellWorld {
  holder(shard: ShardId): NodeId | undefined
  shardOf(job: JobId): ShardId
  send(to: NodeId, message: CoordinationMessage): void
}

interface Ended {
  readonly claim: ClaimNote
  readonly startedMs: number
  readonly sinceMs: number
  toldMs: number
}

/**
 * Results of this node that are on its disk, and that the coordinator may not have got: gossip loses some. The claim is kept until the
 * coordinator says that the result is in its ledger, so that nobody else is given the job meanwhile. Rule G4a.
 */
export class ResultTeller {
  readonly #world: TellWorld
  readonly #ended = new Map<JobId, Ended>()

  constructor(world: TellWorld) {
    this.#world = world
  }

  /** Jobs whose claims are to be kept. */
  jobs(): Iterable<JobId> {
    return this.#ended.keys()
  }

  has(job: JobId): boolean {
    return this.#ended.has(job)
  }

  /** `startedMs`: of the result. */
  tell(claim: ClaimNote, startedMs: number, nowMs: number): void {
    const ended = { claim, startedMs, sinceMs: nowMs, toldMs: nowMs }
    this.#ended.set(claim.job, ended)
    this.#say(ended, nowMs)
  }

  tick(nowMs: number): void {
    for (const [job, ended] of this.#ended) {
      // By then sync has brought the result to everybody who can be reached.
      if (nowMs - ended.sinceMs > CLAIM_TTL_MS) this.#ended.delete(job)
      else if (nowMs - ended.toldMs >= PROGRESS_AGAIN_MS) this.#say(ended, nowMs)
    }
  }

  /** Another coordinator is in office: it is to know at once. */
  newHolder(shard: ShardId, nowMs: number): void {
    for (const ended of this.#ended.values())
      if (this.#world.shardOf(ended.claim.job) === shard) this.#say(ended, nowMs)
  }

  /** The coordinator has the result; false when that is not about one of ours. */
  known(claim: ClaimNote): boolean {
    const ended = this.#ended.get(claim.job)
    return (
      ended !== undefined &&
      compareFences(ended.claim.fence, claim.fence) === 0 &&
      this.#ended.delete(claim.job)
    )
  }

  forget(job: JobId): void {
    this.#ended.delete(job)
  }

  #say(ended: Ended, nowMs: number): void {
    ended.toldMs = nowMs
    const { claim, startedMs } = ended
    const shard = this.#world.shardOf(claim.job)
    const holder = this.#world.holder(shard)
    if (holder !== undefined) this.#world.send(holder, { kind: 'progress', shard, claim, ended: startedMs })
  }
}
