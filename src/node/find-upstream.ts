import { join } from 'node:path'
import { ensureToolVenv } from '../build/tool-venv.ts'
import type { Config } from '../config/load-config.ts'
import { findIndexUrl } from '../upstream/pip-config.ts'

/** The index to follow: the configured one, else the one that pip would use on this machine. */
export async function findUpstream(config: Config): Promise<string> {
  if (config.upstream !== '') return config.upstream
  const python = config.pythons[0] ?? 'python3'
  try {
    return await findIndexUrl(python)
  } catch (error) {
    // Debian keeps pip apart from Python. The pip that a virtual environment brings along reads the same configuration.
    const venv = await ensureToolVenv(python, 'for asking pip', join(config.dataDir, 'pip'))
    if (venv.kind === 'refused') throw error
    return findIndexUrl(join(venv.path, 'bin', 'python'))
  }
}
