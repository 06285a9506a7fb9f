/** What must hold, whatever happens. docs/protocol/coordination.md says why; docs/simulation.md how each is checked. */
export type Invariant =
  /** At most one coordinator of a shard has authority, in one view always, in a connected mesh in any view. */
  | 'one-coordinator'
  /** At most one live claim on a job in a connected mesh. */
  | 'one-claim'
  /** A job that somebody finished is not built again in a connected mesh. */
  | 'built-once'
  /** With p parts a job is built at most p times. */
  | 'bounded-duplicates'
  /** A witness promises itself to one at a time. */
  | 'one-promise'
  /** The fences that a witness promises and acknowledges only rise, over restarts too. */
  | 'terms-rise'
  /** No builder begins under a fence below one that it has heard. */
  | 'fences-obeyed'
  /** A result that was on a disk reaches every ledger. */
  | 'no-lost-result'
  /** Every job that can be built ends. */
  | 'every-job-ends'
  /** Equal ledgers, equal queues, equal indexes. */
  | 'ledgers-agree'
  | 'queues-agree'
  | 'indexes-agree'
  /** The node's own code threw, or refused what an honest node sent. */
  | 'no-error'

export interface Violation {
  readonly invariant: Invariant
  readonly atMs: number
  readonly what: string
}

/** Gathers violations; the first one is told by the run. */
export class Violations {
  readonly #found: Violation[] = []
  readonly #nowMs: () => number
  readonly #tell: (line: string) => void

  constructor(nowMs: () => number, tell: (line: string) => void) {
    this.#nowMs = nowMs
    this.#tell = tell
  }

  add(invariant: Invariant, what: string): void {
    this.#tell(`VIOLATION of ${invariant}: ${what}`)
    this.#found.push({ invariant, what, atMs: this.#nowMs() })
  }

  list(): readonly Violation[] {
    return this.#found
  }
}
