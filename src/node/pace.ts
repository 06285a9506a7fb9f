import type { Clock } from '../core/ports.ts'

/** A burst before the first wait: less makes a timer of every block. */
const BURST_MS = 100

/** Lets so many bytes a second pass, so that whoever reads the disk leaves it to others most of the time. */
export function createPace(
  clock: Clock,
  bytesPerSecond: number,
  signal?: AbortSignal
): (bytes: number) => Promise<void> {
  let aheadMs = 0
  let lastMs = clock.monotonicMs()
  return async (bytes) => {
    signal?.throwIfAborted()
    const nowMs = clock.monotonicMs()
    aheadMs = Math.max(0, aheadMs - (nowMs - lastMs)) + (bytes / bytesPerSecond) * 1_000
    lastMs = nowMs
    if (aheadMs > BURST_MS) await clock.sleep(aheadMs, signal === undefined ? {} : { signal })
  }
}
