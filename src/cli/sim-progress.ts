import type { CliContext } from './cli-context.ts'
import { grouped, type SimTally } from './sim-tally.ts'
import { countOf, durationInWords } from './words.ts'

/** A line that is drawn over and over: so often at most. */
const REDRAW_MS = 200
/** Lines of a log come this far apart. */
const LINE_MS = 30_000
/** Back to the start of the line, and what was there is gone. */
const CLEAR = '\r\u001b[K'

/** Tells on stderr how far it is: one line that changes on a terminal, else a line now and then. */
export class SimProgress {
  readonly #context: CliContext
  readonly #beganMs: number
  #toldMs: number
  #isDrawn = false

  constructor(context: CliContext) {
    this.#context = context
    this.#beganMs = context.elapsedMs()
    this.#toldMs = this.#beganMs
  }

  seeds(tally: SimTally, total: number): void {
    const elapsedMs = this.#context.elapsedMs() - this.#beganMs
    const leftMs = (elapsedMs / tally.seeds()) * (total - tally.seeds())
    this.line(
      [
        `${tally.seeds()}/${total} seeds`,
        `${grouped((tally.events() * 1_000) / Math.max(1, elapsedMs))} events/s`,
        countOf(tally.violations(), 'violation'),
        `about ${durationInWords(leftMs)} left`
      ].join(', ')
    )
  }

  line(text: string): void {
    const { stderr } = this.#context
    const nowMs = this.#context.elapsedMs()
    if (nowMs - this.#toldMs < (stderr.isTTY ? REDRAW_MS : LINE_MS)) return
    this.#toldMs = nowMs
    stderr.write(stderr.isTTY ? CLEAR + text.slice(0, stderr.columns - 1) : `${text}\n`)
    this.#isDrawn = stderr.isTTY
  }

  /** Before anything else is printed: stdout may be the same terminal. */
  clear(): void {
    if (this.#isDrawn) this.#context.stderr.write(CLEAR)
    this.#isDrawn = false
  }
}
