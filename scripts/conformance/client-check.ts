import type { ConformanceMesh } from './mesh.ts'
import type { Front } from '../../test/support/recording-front.ts'

/** When a check is made: with all nodes there, after the first one was stopped, after upstream went away as well. */
export type Phase = 'all there' | 'alpha stopped' | 'upstream gone'
export const PHASES: readonly Phase[] = ['all there', 'alpha stopped', 'upstream gone']

/** What every client brings; each has a front of its own, so that its requests are told from those of others. */
export interface ConformanceClient {
  /** `pip 24.2 (Python 3.13)` */
  readonly name: string
  readonly front: Front
  readonly mesh: ConformanceMesh
}

export interface ClientCheck<C extends ConformanceClient> {
  readonly what: string
  readonly phase: Phase
  /** Why this client cannot be asked this; undefined: it can. */
  readonly without?: (client: C) => string | undefined
  /** What was seen, in a few words; rejects when it is not as it should be. */
  readonly run: (client: C) => Promise<string>
}

export interface CheckResult {
  readonly client: string
  readonly what: string
  readonly outcome: 'passed' | 'failed' | 'not run'
  /** What was seen, what is wrong, or why it was not run. */
  readonly note: string
}

/** A client bound to its checks, so that lists of unlike clients can be gone through. */
export interface BoundClient {
  readonly name: string
  readonly front: Front
  check(phase: Phase, onResult: (result: CheckResult) => void): Promise<void>
}

export function bind<C extends ConformanceClient>(client: C, checks: readonly ClientCheck<C>[]): BoundClient {
  return {
    name: client.name,
    front: client.front,
    async check(phase, onResult) {
      for (const check of checks.filter((one) => one.phase === phase)) {
        onResult({ client: client.name, what: check.what, ...(await outcomeOf(check, client)) })
      }
    }
  }
}

async function outcomeOf<C extends ConformanceClient>(
  check: ClientCheck<C>,
  client: C
): Promise<Pick<CheckResult, 'outcome' | 'note'>> {
  const reason = check.without?.(client)
  if (reason !== undefined) return { outcome: 'not run', note: reason }
  client.front.forget()
  try {
    return { outcome: 'passed', note: await check.run(client) }
  } catch (error) {
    return { outcome: 'failed', note: error instanceof Error ? error.message : String(error) }
  }
}

/** Throws unless both are the same, told as JSON. */
export function mustEqual(what: string, actual: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (is !== should) throw new Error(`${what}: ${is}, expected ${should}`)
}

export function must(what: string, holds: boolean): void {
  if (!holds) throw new Error(what)
}
