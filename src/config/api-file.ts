import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from './config-error.ts'

/** Where a running node answers, for the commands of its owner. Whoever can read it may steer the node. */
export interface ApiFile {
  /** With a slash at the end: `http://127.0.0.1:8410/`. */
  readonly url: string
  readonly token: string
  readonly pid: number
}

const MODE_OWNER_ONLY = 0o600

export function apiFilePath(dataDir: string): string {
  return join(dataDir, 'api.json')
}

/** Replaces the file of an earlier run as a whole: a reader sees the one or the other. */
export async function writeApiFile(dataDir: string, file: ApiFile): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const path = apiFilePath(dataDir)
  const draft = `${path}.new`
  // A draft that a crash left may have any mode: a new file gets its mode before its first byte.
  await rm(draft, { force: true })
  await writeFile(draft, `${JSON.stringify(file)}\n`, { mode: MODE_OWNER_ONLY, flag: 'wx' })
  await rename(draft, path)
}

/** undefined when no node wrote one; throws a ConfigError when it cannot be read or is something else. */
export async function readApiFile(dataDir: string): Promise<ApiFile | undefined> {
  const path = apiFilePath(dataDir)
  const text = await textOf(path)
  if (text === undefined) return undefined
  const file = parsed(text)
  if (isApiFile(file)) return { url: file.url, token: file.token, pid: file.pid }
  throw new ConfigError({
    source: path,
    problem: 'is not what a node writes',
    hint: 'restart the node: it writes a new one'
  })
}

/** What a node does last. A file that another run has written since stays. */
export async function removeApiFile(dataDir: string, pid: number): Promise<void> {
  const file = await readApiFile(dataDir).catch(() => undefined)
  if (file === undefined || file.pid === pid) await rm(apiFilePath(dataDir), { force: true })
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    const hint = code === 'EACCES' ? 'run the command as the user who runs the node (sudo?)' : ''
    throw new ConfigError(
      { source: path, problem: `cannot be read (${code ?? 'unknown error'})`, hint },
      { cause }
    )
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isApiFile(value: unknown): value is ApiFile {
  if (typeof value !== 'object' || value === null) return false
  const { url, token, pid } = value as Readonly<Record<string, unknown>>
  return typeof url === 'string' && URL.canParse(url) && typeof token === 'string' && typeof pid === 'number'
}
