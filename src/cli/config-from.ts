import { readFile } from 'node:fs/promises'
import type { Config, ConfigFlags } from '../config/load-config.ts'
import type { CliContext } from './cli-context.ts'

/** The configuration of a command that becomes a node. The checker is loaded here, because only these commands need it. */
export async function configFrom({ env }: CliContext, flags: ConfigFlags): Promise<Config> {
  const { loadConfig } = await import('../config/load-config.ts')
  return loadConfig({ flags, env, readFile: readIfThere })
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
