import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../src/core/ports.ts'

/** The machine's own clock, for tests that start real processes. */
export const realClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  sleep: async (ms, options = {}) => {
    await sleep(ms, undefined, options.signal === undefined ? {} : { signal: options.signal })
  }
}
