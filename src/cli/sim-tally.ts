import type { SeedOutcome, SeedReport } from '../node/sim-task.ts'
import { countOf } from './words.ts'

/** What a violation of shows that a job was built twice without an excuse. */
const BUILT_TWICE: readonly string[] = ['one-claim', 'built-once', 'bounded-duplicates']

/** Of times in milliseconds; undefined when there is none. */
export interface Spread {
  readonly worstMs: number
  readonly medianMs: number
  readonly p90Ms: number
}

/** What many runs came to. */
export interface SimTotals {
  readonly seeds: number
  readonly violations: number
  /** Seeds that the simulator could not run to their end. */
  readonly brokeOff: number
  readonly failed: readonly number[]
  readonly events: number
  readonly builds: number
  readonly duplicates: number
  readonly failOver: Spread | undefined
  readonly convergence: Spread | undefined
}

/** Adds runs up. */
export class SimTally {
  readonly #failed: number[] = []
  readonly #failOversMs: number[] = []
  readonly #convergedMs: number[] = []
  readonly #broken = new Set<string>()
  #seeds = 0
  #brokeOff = 0
  #violations = 0
  #events = 0
  #builds = 0
  #duplicates = 0

  add(outcome: SeedOutcome): void {
    this.#seeds++
    if (outcome.kind === 'broke-off') {
      this.#brokeOff++
      this.#failed.push(outcome.seed)
    } else this.#addReport(outcome.report)
  }

  seeds(): number {
    return this.#seeds
  }

  events(): number {
    return this.#events
  }

  /** Failed seeds count, whether by a violation or because they broke off. */
  hasFailed(): boolean {
    return this.#failed.length > 0
  }

  violations(): number {
    return this.#violations
  }

  totals(): SimTotals {
    return {
      seeds: this.#seeds,
      violations: this.#violations,
      brokeOff: this.#brokeOff,
      failed: this.#failed.toSorted((a, b) => a - b),
      events: this.#events,
      builds: this.#builds,
      duplicates: this.#duplicates,
      failOver: spreadOf(this.#failOversMs),
      convergence: spreadOf(this.#convergedMs)
    }
  }

  /** The one line that a run of any number of seeds ends with. `asked`: how many there were to be. */
  summary({ asked, cpuMs }: { readonly asked: number; readonly cpuMs: number }): string {
    const { seeds, violations, brokeOff, events, builds, duplicates, failOver, convergence } = this.totals()
    const rate = cpuMs > 0 ? ` (${grouped((events * 1_000) / cpuMs)}/s a core)` : ''
    return [
      seeds === asked ? countOf(seeds, 'seed') : `${seeds} of ${countOf(asked, 'seed')}`,
      countOf(violations, 'violation'),
      ...(brokeOff === 0 ? [] : [`${brokeOff} broke off`]),
      `${grouped(events)} events${rate}`,
      `${grouped(builds)} builds`,
      countOf(duplicates, 'duplicate') + this.#excuse(duplicates),
      failOver === undefined
        ? 'no fail-over'
        : `fail-over worst ${seconds(failOver.worstMs)} median ${seconds(failOver.medianMs)} p90 ${seconds(failOver.p90Ms)}`,
      convergence === undefined
        ? 'no convergence'
        : `convergence worst ${seconds(convergence.worstMs)} median ${seconds(convergence.medianMs)}`
    ].join(', ')
  }

  #addReport(report: SeedReport): void {
    const { violations, events, builds, duplicates, failOversMs, convergedMs } = report
    if (violations.length > 0) this.#failed.push(report.seed)
    for (const { invariant } of violations) this.#broken.add(invariant)
    this.#violations += violations.length
    this.#events += events
    this.#builds += builds
    this.#duplicates += duplicates
    for (const ms of failOversMs) this.#failOversMs.push(ms)
    this.#convergedMs.push(convergedMs)
  }

  /** The checkers judge each duplicate; what they let pass had a cut or an absence behind it. */
  #excuse(duplicates: number): string {
    const isExcused = duplicates > 0 && !BUILT_TWICE.some((invariant) => this.#broken.has(invariant))
    return isExcused ? ' (all in cuts or after crashes)' : ''
  }
}

/** Nearest rank: a value that occurred, never one in between. */
export function spreadOf(timesMs: readonly number[]): Spread | undefined {
  const sorted = timesMs.toSorted((a, b) => a - b)
  const rank = (share: number): number | undefined =>
    sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  const [worstMs, medianMs, p90Ms] = [sorted.at(-1), rank(0.5), rank(0.9)]
  if (worstMs === undefined || medianMs === undefined || p90Ms === undefined) return undefined
  return { worstMs, medianMs, p90Ms }
}

/** `123,456`, whatever the language of the machine: scripts read it. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** `38.2 s`, `320 s` */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 100_000 ? 1 : 0)} s`
}
