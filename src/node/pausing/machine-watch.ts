import { messageOf } from '../../core/errors.ts'
import type { Clock, Log, Startable } from '../../core/ports.ts'
import type { PauseBoard } from './pause-board.ts'
import { WATCH_MS } from './pause-limits.ts'
import { SteadyCause } from './steady-cause.ts'
import type { Watch } from './watch.ts'

export interface MachineWatchOptions {
  readonly clock: Clock
  readonly log: Log
  readonly board: PauseBoard
  readonly watches: readonly Watch[]
}

/** Looks at the machine again and again, and says on the board what speaks against building on it. */
export class MachineWatch implements Startable {
  readonly name = 'machine watch'
  readonly #options: MachineWatchOptions
  readonly #causes: readonly { readonly watch: Watch; readonly cause: SteadyCause }[]
  readonly #ending = new AbortController()
  /** Watches whose reading failed, told once. */
  readonly #untold = new Set<Watch>()
  #running: Promise<void> = Promise.resolve()

  constructor(options: MachineWatchOptions) {
    this.#options = options
    this.#causes = options.watches.map((watch) => ({
      watch,
      cause: new SteadyCause(options, watch.cause, watch.steadiness)
    }))
  }

  /** The first look is over when this resolves: nothing is claimed before. */
  async start(): Promise<void> {
    await this.look()
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('the node stops'))
    await this.#running
  }

  async look(): Promise<void> {
    for (const { watch, cause } of this.#causes) {
      try {
        const objection = await watch.look(cause.isSet())
        cause.judge(objection?.reason, objection?.untilMs)
        this.#untold.delete(watch)
      } catch (error) {
        if (this.#untold.has(watch)) continue
        this.#untold.add(watch)
        this.#options.log.warn('the machine could not be looked at', {
          what: watch.cause,
          error: messageOf(error)
        })
      }
    }
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    for (;;) {
      await clock.sleep(WATCH_MS, { signal: this.#ending.signal }).catch(() => undefined)
      if (this.#ending.signal.aborted) return
      await this.look()
    }
  }
}
