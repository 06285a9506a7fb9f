import { hash32After } from '../core/digest.ts'
import type { Fence } from '../core/fence.ts'
import type { JobId } from '../core/ids.ts'

/** The queue is read anew after this: in the meantime a coordinator grants a few hundred jobs from what it read. */
const WINDOW_MS = 100
/** Sooner, when nothing was left to grant: a job may have come since. */
const EMPTY_WINDOW_MS = 20
/** Jobs that are read at once: the window, and as many again to take the place of what is granted. */
const READ_JOBS = 600

/** A job and its place in this holder's own order. */
export interface Ranked {
  readonly job: JobId
  readonly rank: number
}

/** The most urgent jobs of a shard that nobody has claimed, each with its rank: read once for many grants. */
export class GrantWindow {
  readonly #openJobs: () => Iterable<JobId>
  readonly #isClaimed: (job: JobId) => boolean
  #jobs: Ranked[] = []
  #readMs = -Infinity
  #key = ''

  constructor(openJobs: () => Iterable<JobId>, isClaimed: (job: JobId) => boolean) {
    this.#openJobs = openJobs
    this.#isClaimed = isClaimed
  }

  /** Most urgent first; some may have been claimed since. Ranked by view: two halves of a cut mesh mostly take different ones. */
  jobs(fence: Fence, nowMs: number): readonly Ranked[] {
    if (keyOf(fence) !== this.#key || nowMs - this.#readMs >= WINDOW_MS) this.#read(fence, nowMs)
    return this.#jobs
  }

  /** There was nothing to grant: reads the queue anew, unless that was just done. */
  reread(fence: Fence, nowMs: number): boolean {
    if (nowMs - this.#readMs < EMPTY_WINDOW_MS) return false
    this.#read(fence, nowMs)
    return true
  }

  /** The job is not to be built any more. */
  drop(job: JobId): void {
    this.#jobs = this.#jobs.filter((one) => one.job !== job)
  }

  #read(fence: Fence, nowMs: number): void {
    this.#key = keyOf(fence)
    this.#readMs = nowMs
    this.#jobs = []
    const rankOf = hash32After(this.#key)
    for (const job of this.#openJobs()) {
      if (this.#isClaimed(job)) continue
      this.#jobs.push({ job, rank: rankOf(job) })
      if (this.#jobs.length >= READ_JOBS) return
    }
  }
}

function keyOf({ epoch, view }: Fence): string {
  return `${epoch} ${view} `
}
