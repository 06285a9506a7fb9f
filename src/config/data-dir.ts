import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { ConfigError } from './config-error.ts'

/** The data folder of a node that root runs. */
export const SYSTEM_DATA_DIR = '/var/lib/commonwheel'

export interface DataDirSources {
  /** As `--data` gave it. */
  readonly flag?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Where a node keeps everything, as an absolute path. Apart from the other settings, and never read from a file: every
 * command has to find it, also while the file is broken.
 */
export function findDataDir({ flag, env }: DataDirSources): string {
  if (flag !== undefined) return checked(flag, '--data')
  const named = env['COMMONWHEEL_DATA_DIR']
  if (named !== undefined) return checked(named, 'COMMONWHEEL_DATA_DIR')
  if (process.getuid?.() === 0) return SYSTEM_DATA_DIR
  const xdg = env['XDG_DATA_HOME']
  // The XDG specification says to pass over a relative one.
  const base = xdg?.startsWith('/') ? xdg : join(env['HOME'] ?? homedir(), '.local', 'share')
  return join(base, 'commonwheel')
}

function checked(path: string, source: string): string {
  if (path !== '' && !path.includes('\0')) return resolve(path)
  throw new ConfigError({ source, problem: 'the data folder has no name', hint: 'give the path of a folder' })
}
