import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from './config-error.ts'

/** What an owner asked for: no builds until `resume`, or for some time. Kept in the data folder, so that a restart does not undo it. */
export interface OwnersPause {
  /** In the owner's words; `''` for none. */
  readonly reason: string
  /** Since 1970, by the clock of then. */
  readonly sinceMs: number
  /** For how long in all; absent: until somebody says otherwise. */
  readonly lastsMs?: number
  /** When it ends by the clock of then; there with `lastsMs`. */
  readonly untilMs?: number
}

export function pauseFilePath(dataDir: string): string {
  return join(dataDir, 'pause.json')
}

/** Replaces an earlier one as a whole. */
export async function writePauseFile(dataDir: string, pause: OwnersPause): Promise<void> {
  const path = pauseFilePath(dataDir)
  await writeFile(`${path}.new`, `${JSON.stringify(pause)}\n`, { flush: true })
  await rename(`${path}.new`, path)
}

/** undefined when nobody asked for one; throws a ConfigError when the file cannot be read or is something else. */
export async function readPauseFile(dataDir: string): Promise<OwnersPause | undefined> {
  const path = pauseFilePath(dataDir)
  try {
    const pause = pauseOf(JSON.parse(await readFile(path, 'utf8')))
    if (pause !== undefined) return pause
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code !== undefined) throw unreadable(path, `cannot be read (${code})`, { cause })
  }
  throw unreadable(path, 'is not what a node writes')
}

export async function removePauseFile(dataDir: string): Promise<void> {
  await rm(pauseFilePath(dataDir), { force: true })
}

function unreadable(source: string, problem: string, options?: ErrorOptions): ConfigError {
  return new ConfigError({ source, problem, hint: 'commonwheel resume takes it away' }, options)
}

function pauseOf(value: unknown): OwnersPause | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { reason, sinceMs, lastsMs, untilMs } = value as Readonly<Record<string, unknown>>
  if (typeof reason !== 'string' || typeof sinceMs !== 'number') return undefined
  if (lastsMs === undefined) return { reason, sinceMs }
  if (typeof lastsMs !== 'number' || typeof untilMs !== 'number' || !(lastsMs > 0)) return undefined
  return { reason, sinceMs, lastsMs, untilMs }
}
