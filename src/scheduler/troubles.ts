import type { JobId, NodeId } from '../core/ids.ts'
import { MAX_CRASHES, RETRY_MAX_MS } from '../core/limits.ts'
import { backOffMs } from '../core/retry.ts'

/** A builder that fell silent over a job is not given it again for this long, if anybody else would take it. */
const OTHER_FIRST_MS = 60_000
/** A builder that gave a job back is not offered it again for this long: it lacks something, a page perhaps. */
const GIVEN_UP_MS = 10_000
/** A builder that no longer lists a job may have signed its result, which gossip has not brought yet. */
const RESULT_ON_ITS_WAY_MS = 15_000
/** Jobs with a trouble that are remembered; beyond, the oldest trouble is forgotten, and the job simply offered again. */
const MAX_TROUBLES = 50_000

interface Trouble {
  readonly crashes: number
  readonly builder: NodeId
  readonly notBeforeMs: number
  readonly otherFirstUntilMs: number
  /** It said itself that it cannot take the job now. */
  readonly gaveUp: boolean
}

/** Jobs of one target that a builder gave back, or fell silent over: when they are offered again, and to whom. */
export class Troubles {
  readonly #troubles = new Map<JobId, Trouble>()

  size(): number {
    return this.#troubles.size
  }

  /** How often a builder fell silent over a job, as far as coordinators told each other. */
  crashesOf(job: JobId): number {
    return this.#troubles.get(job)?.crashes ?? 0
  }

  gaveUp(job: JobId, builder: NodeId, nowMs: number): void {
    const otherFirstUntilMs = nowMs + GIVEN_UP_MS
    this.#set(job, { builder, notBeforeMs: nowMs, otherFirstUntilMs, gaveUp: true })
  }

  /** The builder does not list it any more: not at once, its result may be on the way here. */
  setBack(job: JobId, builder: NodeId, nowMs: number): void {
    const notBeforeMs = nowMs + RESULT_ON_ITS_WAY_MS
    this.#set(job, { builder, notBeforeMs, otherFirstUntilMs: notBeforeMs, gaveUp: false })
  }

  /** `told`: the count that the claim carried. */
  crashed(job: JobId, builder: NodeId, { nowMs, told }: { nowMs: number; told: number }): void {
    const crashes = Math.max(this.crashesOf(job), told) + 1
    // The first time is most likely the node's own trouble: again at once, elsewhere first.
    const notBeforeMs = nowMs + (crashes >= MAX_CRASHES ? RETRY_MAX_MS : backOffMs(crashes - 1))
    const otherFirstUntilMs = notBeforeMs + OTHER_FIRST_MS
    this.#set(job, { crashes, builder, notBeforeMs, otherFirstUntilMs, gaveUp: false })
  }

  /** Another coordinator's count, in case this node is the next one. */
  told(job: JobId, builder: NodeId, crashes: number): void {
    const known = this.#troubles.get(job)
    if (known !== undefined && known.crashes >= crashes) return
    const { notBeforeMs = 0, otherFirstUntilMs = 0 } = known ?? {}
    this.#set(job, { crashes, builder, notBeforeMs, otherFirstUntilMs, gaveUp: false })
  }

  forget(job: JobId): void {
    this.#troubles.delete(job)
  }

  /** Whether the job may be offered to this builder now. */
  isReady(job: JobId, builder: NodeId, nowMs: number, hasOtherBuilder: () => boolean): boolean {
    const trouble = this.#troubles.get(job)
    if (trouble === undefined) return true
    if (nowMs < trouble.notBeforeMs) return false
    if (nowMs >= trouble.otherFirstUntilMs) {
      if (trouble.crashes === 0) this.#troubles.delete(job)
      return true
    }
    return trouble.builder !== builder || (!trouble.gaveUp && !hasOtherBuilder())
  }

  #set(job: JobId, trouble: Omit<Trouble, 'crashes'> & { readonly crashes?: number }): void {
    const crashes = trouble.crashes ?? this.crashesOf(job)
    this.#troubles.delete(job)
    this.#troubles.set(job, { ...trouble, crashes })
    const [oldest] = this.#troubles.keys()
    if (this.#troubles.size > MAX_TROUBLES && oldest !== undefined) this.#troubles.delete(oldest)
  }
}
