import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CanaryRun } from '../build/canary.ts'

/** What came of the last canary builds, in the data folder: for `commonwheel doctor`, also when no node runs. */
export interface CanaryFile {
  /** The digest of the environment that they were built in. */
  readonly environment: string
  readonly atMs: number
  readonly runs: readonly CanaryRun[]
}

function canaryFilePath(dataDir: string): string {
  return join(dataDir, 'canary.json')
}

export async function writeCanaryFile(dataDir: string, file: CanaryFile): Promise<void> {
  const path = canaryFilePath(dataDir)
  await writeFile(`${path}.new`, `${JSON.stringify(file)}\n`)
  await rename(`${path}.new`, path)
}

/** undefined: there was none yet, or what lies there is nothing that a node wrote. */
export async function readCanaryFile(dataDir: string): Promise<CanaryFile | undefined> {
  try {
    const file = JSON.parse(await readFile(canaryFilePath(dataDir), 'utf8')) as Partial<CanaryFile> | null
    const { environment, atMs, runs } = file ?? {}
    const isWhole = typeof environment === 'string' && typeof atMs === 'number' && Array.isArray(runs)
    return isWhole ? { environment, atMs, runs } : undefined
  } catch {
    return undefined
  }
}
