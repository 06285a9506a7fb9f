import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hermeticEnv } from './node-yard.ts'

const run = promisify(execFile)

/** A virtual environment that nothing was installed into, and a pip that knows of no index but the one it is told. */
export interface FreshVenv {
  readonly python: string
  /** What pip wrote; rejects when it failed. */
  install(indexUrl: string, ...specs: readonly string[]): Promise<string>
  /** What a line of Python prints. */
  eval(code: string): Promise<string>
}

export async function freshVenv(python: string, folder: string): Promise<FreshVenv> {
  const env = hermeticEnv(folder)
  await run(python, ['-m', 'venv', folder], { env, cwd: '/' })
  const inside = join(folder, 'bin', 'python')
  return {
    python: inside,
    async install(indexUrl, ...specs) {
      // Wheels only: a pip that builds the sdist itself would hide that the mesh has no wheel.
      const words = ['install', '--no-cache-dir', '--only-binary', ':all:', '--retries', '0', '--index-url']
      return (await run(inside, ['-m', 'pip', ...words, indexUrl, ...specs], { env, cwd: '/' })).stdout
    },
    eval: async (code) => (await run(inside, ['-I', '-c', code], { env, cwd: '/' })).stdout.trim()
  }
}
