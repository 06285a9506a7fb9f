import { RETRY_BASE_MS, RETRY_MAX_MS } from './limits.ts'

/** The wait after so many failures in a row: doubled each time, bounded. */
export function backOffMs(failures: number): number {
  if (failures <= 0) return 0
  return Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(failures - 1, 20))
}
