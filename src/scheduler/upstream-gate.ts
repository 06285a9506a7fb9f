import {
  MAX_RETRY_AFTER_MS,
  UPSTREAM_BACKLOG_PER_SECOND,
  UPSTREAM_FIRST_BURST,
  UPSTREAM_FIRSTS_PER_SECOND,
  UPSTREAM_GONE_FAILURES,
  UPSTREAM_PROBE_BASE_MS,
  UPSTREAM_PROBE_MAX_MS,
  UPSTREAM_REVISIT_BURST,
  UPSTREAM_REVISITS_PER_SECOND
} from '../core/limits.ts'
import type { Clock, Log, Random } from '../core/ports.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { Allowance } from './allowance.ts'

export interface UpstreamGateParts {
  readonly clock: Clock
  readonly log: Log
  /** Without it no wait is jittered. */
  readonly random?: Random | undefined
}

/**
 * Why upstream is asked: a page that the mesh knows, one that it has never seen, one that nobody asked for, or news of many. Each
 * has its own allowance, so that a flood of the one leaves the other alone.
 */
export type UpstreamPurpose = 'revisit' | 'first' | 'backlog' | 'news'

const hour = 3_600_000
const minute = 60_000

/**
 * Lets requests to upstream through, or not: so many a second, none before the time that upstream named itself, and when it seems
 * gone one at a time, ever more rarely. Says when it goes and comes back.
 */
export class UpstreamGate {
  readonly #parts: UpstreamGateParts
  readonly #allowances: ReadonlyMap<UpstreamPurpose, Allowance>
  readonly #minutes = new Map<number, number>()
  #failures = 0
  #closedUntilMs = -Infinity
  #probing = false
  #saidGone = false
  #trouble = ''
  #answeredMs: number | undefined
  #requests = 0

  constructor(parts: UpstreamGateParts) {
    this.#parts = parts
    const { clock } = parts
    this.#allowances = new Map([
      ['revisit', new Allowance(clock, UPSTREAM_REVISIT_BURST, UPSTREAM_REVISITS_PER_SECOND)],
      ['first', new Allowance(clock, UPSTREAM_FIRST_BURST, UPSTREAM_FIRSTS_PER_SECOND)],
      ['backlog', new Allowance(clock, 1, UPSTREAM_BACKLOG_PER_SECOND)]
    ])
  }

  /** Takes the right to one request. Undefined: go. Else why not, and when again. */
  take(purpose: UpstreamPurpose): UpstreamError | undefined {
    const closedMs = this.#closedUntilMs - this.#nowMs()
    if (closedMs > 0) return spared(`upstream is in trouble: ${this.#trouble}`, closedMs)
    if (this.#isGone() && this.#probing)
      return spared(`upstream is in trouble: ${this.#trouble}`, UPSTREAM_PROBE_BASE_MS)
    const allowance = this.#allowances.get(purpose)
    if (allowance?.take() === false)
      return spared('too many pages were asked for lately', Math.ceil(allowance.waitMs()))
    this.#probing = this.#isGone()
    return undefined
  }

  /** One request, which was let through before. Whatever it says tells whether upstream is there. */
  async run<T>(request: () => Promise<T>): Promise<T> {
    this.#count()
    try {
      const answer = await request()
      this.#answered()
      return answer
    } catch (error) {
      this.#failed(error)
      throw error
    } finally {
      this.#probing = false
    }
  }

  /** Milliseconds since upstream answered this node; undefined: not yet. */
  answerAgeMs(): number | undefined {
    return this.#answeredMs === undefined ? undefined : this.#nowMs() - this.#answeredMs
  }

  /** What is wrong with upstream as a whole, `''` for nothing. */
  trouble(): string {
    return this.#isGone() || this.#closedUntilMs > this.#nowMs() ? this.#trouble : ''
  }

  requests(): number {
    return this.#requests
  }

  requestsLastHour(): number {
    const from = Math.floor((this.#nowMs() - hour) / minute)
    return [...this.#minutes].reduce((sum, [at, count]) => sum + (at > from ? count : 0), 0)
  }

  #count(): void {
    this.#requests++
    const now = Math.floor(this.#nowMs() / minute)
    this.#minutes.set(now, (this.#minutes.get(now) ?? 0) + 1)
    for (const at of this.#minutes.keys()) {
      if (at > now - hour / minute) return
      this.#minutes.delete(at)
    }
  }

  #isGone(): boolean {
    return this.#failures >= UPSTREAM_GONE_FAILURES
  }

  #answered(): void {
    this.#answeredMs = this.#nowMs()
    this.#failures = 0
    this.#closedUntilMs = -Infinity
    if (this.#saidGone) this.#parts.log.info('upstream answers again')
    this.#saidGone = false
  }

  #failed(error: unknown): void {
    const detail = error instanceof UpstreamError ? error.detail : undefined
    if (detail?.code === 'UPSTREAM_MALFORMED' || detail?.code === 'UPSTREAM_TOO_LARGE') this.#answered()
    if (detail?.code !== 'UPSTREAM_UNAVAILABLE') return
    // A refusal of one project is an answer; no answer, "too many requests" and the server's own faults are not.
    if (detail.status === 0 || detail.status === 429 || detail.status >= 500) this.#unanswered(detail)
    else this.#answered()
  }

  #unanswered({ status, retryAfterMs }: { readonly status: number; readonly retryAfterMs?: number }): void {
    this.#failures++
    this.#trouble = status === 0 ? 'it gives no answer' : `it answered ${status}`
    const waitMs = retryAfterMs === undefined ? this.#backOffMs() : Math.min(retryAfterMs, MAX_RETRY_AFTER_MS)
    this.#closedUntilMs = Math.max(this.#closedUntilMs, this.#nowMs() + waitMs)
    if (waitMs === 0 || this.#saidGone) return
    this.#saidGone = true
    const facts = { why: this.#trouble, againMs: Math.round(waitMs) }
    this.#parts.log.warn('upstream is in trouble; the last known pages are served meanwhile', facts)
  }

  /** The first failures are each project's own matter. */
  #backOffMs(): number {
    const over = this.#failures - UPSTREAM_GONE_FAILURES
    if (over < 0) return 0
    const waitMs = Math.min(UPSTREAM_PROBE_MAX_MS, UPSTREAM_PROBE_BASE_MS * 2 ** Math.min(over, 20))
    return jittered(waitMs, this.#parts.random)
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs()
  }
}

/** A quarter more or less, so that many nodes, or many projects, do not come at once. */
export function jittered(ms: number, random: Random | undefined): number {
  return random === undefined ? ms : ms * (0.75 + 0.5 * random.float())
}

function spared(why: string, againMs: number): UpstreamError {
  return new UpstreamError({ code: 'UPSTREAM_SPARED', why, againMs: Math.ceil(againMs) })
}
