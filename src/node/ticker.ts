import { messageOf } from '../core/errors.ts'
import type { Clock, Log, Startable } from '../core/ports.ts'

/** Calls `tick` again and again with a pause between; a tick that throws is logged and does not end the node. */
export function createTicker(
  parts: { readonly clock: Clock; readonly log: Log },
  periodMs: number,
  tick: () => void
): Startable {
  const ending = new AbortController()
  let running: Promise<void> = Promise.resolve()

  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      try {
        tick()
      } catch (error) {
        parts.log.error('a turn of the scheduler failed', { error: messageOf(error) })
      }
      await parts.clock.sleep(periodMs, { signal: ending.signal }).catch(() => undefined)
    }
  }

  return {
    name: 'ticker',
    async start() {
      running = run()
    },
    async stop() {
      ending.abort(new Error('the node stops'))
      await running
    }
  }
}
