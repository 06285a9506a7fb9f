import { statSync } from 'node:fs'
import { packagePath } from '../../build/package-path.ts'
import { CLOCK_SET_BACK_MS, EPOCH_OF_PROGRAM_MS } from './pause-limits.ts'

/** No right clock says less: this program was put here before. Archives that were packed without times say nothing. */
export function programMadeMs(): number {
  try {
    const putHereMs = Math.floor(statSync(packagePath('package.json')).mtimeMs)
    return Math.max(EPOCH_OF_PROGRAM_MS, putHereMs - CLOCK_SET_BACK_MS)
  } catch {
    return EPOCH_OF_PROGRAM_MS
  }
}
