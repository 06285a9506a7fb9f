import { messageOf } from '../core/errors.ts'
import type { Clock, Log } from '../core/ports.ts'
import type { Canary, CanaryRun } from '../build/canary.ts'
import { writeCanaryFile } from './canary-file.ts'
import type { PauseBoard } from './pausing/pause-board.ts'

/** A compiler that is exchanged is noticed within this; a look starts a handful of programs. */
const LOOK_MS = 10 * 60_000
/** A canary that failed is tried again after this, each time twice as long, up to the longest. */
const AGAIN_MS = 60_000
const LONGEST_AGAIN_MS = 60 * 60_000
/** A slow machine, busy with other things. */
const RUN_MS = 15 * 60_000

export interface CanaryWatchParts {
  readonly canary: Canary
  readonly board: Pick<PauseBoard, 'set' | 'clear'>
  readonly clock: Clock
  readonly log: Log
  readonly dataDir: string
}

/**
 * Builds the canary when the node starts and whenever its environment changes. While it fails the node is paused with the reason,
 * tries again, and builds again by itself when it is over. docs/building.md#canary
 */
export class CanaryWatch {
  readonly #parts: CanaryWatchParts
  readonly #ending = new AbortController()
  /** With which the last good canary was built. */
  #goodWith: string | undefined
  #againMs = AGAIN_MS
  #nextMs = Infinity
  #running: Promise<void> = Promise.resolve()
  #isRunning = false

  constructor(parts: CanaryWatchParts) {
    this.#parts = parts
  }

  /** The first canary: true when its verdict is on the board, false when the node stopped before. Never rejects. */
  async first(): Promise<boolean> {
    this.#begin()
    await this.#running
    return !this.#ending.signal.aborted
  }

  tick(): void {
    if (!this.#isRunning && this.#parts.clock.monotonicMs() >= this.#nextMs) this.#begin()
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('the node stops'))
    await this.#running
  }

  #begin(): void {
    if (this.#ending.signal.aborted) return
    this.#isRunning = true
    this.#running = this.#look().finally(() => {
      this.#isRunning = false
    })
  }

  async #look(): Promise<void> {
    const { board, clock, canary } = this.#parts
    const trouble = await this.#judge(canary).catch((error: unknown) => messageOf(error))
    if (this.#ending.signal.aborted) return
    if (trouble === undefined) {
      board.clear('canary')
      this.#againMs = AGAIN_MS
      this.#nextMs = clock.monotonicMs() + LOOK_MS
    } else {
      board.set('canary', trouble)
      this.#nextMs = clock.monotonicMs() + this.#againMs
      this.#againMs = Math.min(this.#againMs * 2, LONGEST_AGAIN_MS)
    }
  }

  /** Why nothing should be built here; undefined: all is well, or as it was when all was well. */
  async #judge(canary: Canary): Promise<string | undefined> {
    const { log, clock, dataDir } = this.#parts
    const environment = await canary.environment()
    if (environment === this.#goodWith) return undefined
    const runs: CanaryRun[] = []
    for (const target of canary.targets) {
      this.#ending.signal.throwIfAborted()
      const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(RUN_MS)])
      const run = await canary.run(target, signal)
      runs.push(run)
      if (run.trouble !== '') log.warn('the canary build failed', { ...run })
      else log.info('the canary was built', { target, wheel: run.wheel, durationMs: run.durationMs })
    }
    await writeCanaryFile(dataDir, { environment, atMs: clock.wallMs(), runs }).catch((error: unknown) => {
      log.warn('what came of the canary could not be written down', { error: messageOf(error) })
    })
    const bad = runs.filter(({ trouble }) => trouble !== '')
    this.#goodWith = bad.length === 0 ? environment : undefined
    return bad.length === 0
      ? undefined
      : `the canary build fails: ${bad.map(({ target, trouble }) => `${target}: ${trouble}`).join('; ')}; commonwheel doctor shows its log`
  }
}
