import type { WantView } from '../http/api-types.ts'
import type { NodeApi } from './api-client.ts'
import type { CliContext } from './cli-context.ts'
import { CliError, cliError } from './cli-error.ts'
import { followEvents } from './event-wake.ts'

export interface WaitParts {
  /** Finds the node anew: it may have been started again, on another port. */
  readonly connect: () => Promise<NodeApi>
  readonly sleep: CliContext['sleep']
  readonly signal: AbortSignal
}

/** Without news. */
const POLL_MS = 1_000
/** With news: a busy mesh has many a second. */
const MIN_POLL_MS = 200
/** Answers missed in a row before the node is taken for gone. */
const MAX_MISSED = 60

/**
 * Shows a want again and again until no job of it is left to do. A node that is started again meanwhile is waited for,
 * since the want is in the ledger; rejects with the signal's reason when interrupted.
 */
export async function waitForWant(
  id: string,
  { connect, sleep, signal }: WaitParts,
  onView: (view: WantView, api: NodeApi) => Promise<void>
): Promise<WantView> {
  const over = new AbortController()
  const news = createNews(sleep, signal)
  const until = AbortSignal.any([signal, over.signal])
  void followEvents(await connect(), until, news.wake)
  let missed = 0
  try {
    for (;;) {
      const found = await look(connect, id)
      if (found instanceof CliError && ++missed > MAX_MISSED) throw found
      if (!(found instanceof CliError)) {
        missed = 0
        await onView(found.view, found.api)
        if (found.view.done) return found.view
      }
      await news.pause()
    }
  } finally {
    over.abort()
  }
}

async function look(
  connect: WaitParts['connect'],
  id: string
): Promise<{ readonly view: WantView; readonly api: NodeApi } | CliError> {
  try {
    const api = await connect()
    const [view] = await api.wants(id)
    return view === undefined ? cliError('FAILED', `the node does not know the want ${id}`) : { view, api }
  } catch (error) {
    if (error instanceof CliError) return error
    throw error
  }
}

/** A pause that ends early when something happened, but not too early. */
function createNews(
  sleep: CliContext['sleep'],
  signal: AbortSignal
): { readonly wake: () => void; readonly pause: () => Promise<void> } {
  let woken = new AbortController()
  return {
    wake: () => {
      woken.abort()
    },
    async pause() {
      await sleep(MIN_POLL_MS, { signal })
      const early = AbortSignal.any([signal, woken.signal])
      try {
        if (!woken.signal.aborted) await sleep(POLL_MS - MIN_POLL_MS, { signal: early })
      } catch (error) {
        if (!woken.signal.aborted) throw error
      }
      signal.throwIfAborted()
      woken = new AbortController()
    }
  }
}
