import type { Clock } from '../core/ports.ts'
import type { EventView } from './api-types.ts'
import { EVENT_HEARTBEAT_MS, MAX_QUEUED_EVENTS } from './http-limits.ts'

export interface EventSource {
  /** Calls back for each change from now on, until the returned function is called. */
  subscribe(listener: (event: EventView) => void): () => void
}

/**
 * Events as `text/event-stream`, until the signal ends it. A client that cannot follow is cut off rather than
 * remembered: it connects again and asks for the whole state, so a slow one costs a bounded queue.
 */
export async function* eventChunks(
  source: EventSource,
  clock: Clock,
  signal: AbortSignal
): AsyncGenerator<Uint8Array, void> {
  const queue: EventView[] = []
  const state = { behind: false }
  let waiting = new AbortController()
  const wake = (): void => {
    waiting.abort()
  }
  const unsubscribe = source.subscribe((event) => {
    if (queue.length < MAX_QUEUED_EVENTS) queue.push(event)
    else state.behind = true
    wake()
  })
  signal.addEventListener('abort', wake)
  try {
    yield encode('retry: 2000\n\n')
    while (!signal.aborted && !state.behind) {
      if (queue.length > 0) {
        yield encode(queue.splice(0).map(frame).join(''))
        continue
      }
      waiting = new AbortController()
      const quiet = await sleptThrough(clock, waiting.signal)
      if (quiet) yield encode(': still here\n\n')
    }
  } finally {
    unsubscribe()
    signal.removeEventListener('abort', wake)
  }
}

async function sleptThrough(clock: Clock, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(EVENT_HEARTBEAT_MS, { signal })
    return true
  } catch (error) {
    if (!signal.aborted) throw error
    return false
  }
}

function frame(event: EventView): string {
  return `event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
