import type { ProjectName } from '../core/ids.ts'
import type { Clock } from '../core/ports.ts'
import { Recent } from '../ledger/recent.ts'

/** A client waits so long for news of a page that this node has: below what a person takes for a stall. */
const KNOWN_WAIT_MS = 3_000
/** And so long for a page that nobody has: pip gives a connection 15 s. */
const UNKNOWN_WAIT_MS = 10_000
/** After trouble nobody waits again for so long: an installer asks for hundreds of pages. */
const REST_MS = 10_000
/** Projects whose trouble is remembered. */
const MAX_TROUBLED = 1_000

type Waited = 'told' | 'not told'

/** How long clients wait for upstream: a page that is at hand is served, whatever upstream does. */
export class PagePatience {
  readonly #clock: Clock
  readonly #troubledMs = new Recent<string, number>(MAX_TROUBLED, () => 1)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Upstream had no answer about the project a moment ago. */
  isSpent(name: string): boolean {
    const at = this.#troubledMs.get(name)
    return at !== undefined && this.#clock.monotonicMs() - at < REST_MS
  }

  /** For a page that is here: never rejects. What goes on being asked meanwhile serves the next client. */
  async known(name: ProjectName, asking: Promise<void>): Promise<void> {
    await this.#within(name, asking, KNOWN_WAIT_MS).catch(() => undefined)
  }

  /** For a page that is not here: rejects when upstream cannot be asked or takes too long. */
  async unknown(name: ProjectName, asking: Promise<void>): Promise<void> {
    if ((await this.#within(name, asking, UNKNOWN_WAIT_MS)) === 'not told')
      throw new Error(`upstream did not answer within ${UNKNOWN_WAIT_MS} ms`)
  }

  async #within(name: ProjectName, asking: Promise<void>, ms: number): Promise<Waited> {
    const over = new AbortController()
    const told = asking.then(
      (): Waited => {
        this.#troubledMs.delete(name)
        return 'told'
      },
      (error: unknown) => {
        this.#troubled(name)
        throw error
      }
    )
    const tired = this.#clock.sleep(ms, { signal: over.signal }).then((): Waited => {
      this.#troubled(name)
      return 'not told'
    })
    try {
      return await Promise.race([told, tired])
    } finally {
      over.abort(new Error('answered'))
      told.catch(() => undefined)
      tired.catch(() => undefined)
    }
  }

  #troubled(name: ProjectName): void {
    this.#troubledMs.set(name, this.#clock.monotonicMs())
  }
}
