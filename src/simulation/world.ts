import { EventQueue } from './event-queue.ts'

/** Virtual time, and what happens in it. One event runs at a time, with everything it awaits that needs no time. */
export class World {
  #nowMs = 0
  #events = 0
  #order = 0
  #trace = 0x811c9dc5
  readonly #queue = new EventQueue()
  readonly #lines: string[] = []
  readonly #keepLines: boolean

  /** `transcript`: keep what is told by `tell`. */
  constructor({ transcript = false }: { readonly transcript?: boolean } = {}) {
    this.#keepLines = transcript
  }

  /** Milliseconds since the run began. */
  nowMs(): number {
    return this.#nowMs
  }

  events(): number {
    return this.#events
  }

  /** A digest of all that happened so far: two runs of one seed agree in it. */
  trace(): string {
    return (this.#trace >>> 0).toString(16).padStart(8, '0')
  }

  at(inMs: number, run: () => void): void {
    this.#queue.push({ atMs: this.#nowMs + Math.max(0, inMs), order: this.#order++, run })
  }

  /** Runs until `until` holds or the time is over; true when it holds. */
  async run(forMs: number, until: () => boolean = () => false): Promise<boolean> {
    const endMs = this.#nowMs + forMs
    while (!until()) {
      const next = this.#queue.peek()
      if (next === undefined || next.atMs > endMs) {
        this.#nowMs = endMs
        return false
      }
      this.#queue.pop()
      this.#nowMs = next.atMs
      this.#events++
      next.run()
      await settled()
    }
    return true
  }

  /** Mixes something that happened into the trace. */
  mark(what: number): void {
    const time = Math.round(this.#nowMs * 1000)
    this.#trace = Math.imul(this.#trace ^ (time & 0xffffffff), 0x01000193)
    this.#trace = Math.imul(this.#trace ^ what, 0x01000193)
  }

  /** Whether lines are kept: what it takes to make them can be spared otherwise. */
  isTold(): boolean {
    return this.#keepLines
  }

  tell(line: string): void {
    if (this.#keepLines) this.#lines.push(`${(this.#nowMs / 1000).toFixed(3).padStart(10)} s  ${line}`)
  }

  lines(): readonly string[] {
    return this.#lines
  }
}

/** After all promises that could go on have gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
