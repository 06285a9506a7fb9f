import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { freshVenv } from '../../test/support/fresh-venv.ts'
import { hermeticEnv } from '../../test/support/node-yard.ts'

const run = promisify(execFile)

/** A release that is to be installed, as a lock file has it. */
export interface Locked {
  readonly project: string
  readonly version: string
  readonly filename: string
  readonly sha256: string
}

export interface Installed {
  readonly tool: string
  /** `node` or `nginx`. */
  readonly from: string
  /** Digests of the wheels as they came, by file name; nothing for uv, which keeps none. */
  readonly wheels: Readonly<Record<string, string>>
  /** How many files lie in site-packages, and one digest over all of them. */
  readonly files: number
  readonly digest: string
}

/** Written by the installer about itself: pip's and uv's differ, and time stamps are in some. */
const OF_INSTALLER =
  /(^|\/)(__pycache__|INSTALLER|REQUESTED|RECORD|direct_url\.json|uv_cache\.json|\.lock)(\/|$)/

/** Installs a lock file into fresh environments, with `--require-hashes` and wheels only. */
export class Installs {
  readonly #python: string
  readonly #folder: string
  readonly #lock: string

  private constructor(python: string, folder: string, lock: string) {
    this.#python = python
    this.#folder = folder
    this.#lock = lock
  }

  static async create(python: string, folder: string, locked: readonly Locked[]): Promise<Installs> {
    const lock = join(folder, 'requirements.txt')
    const lines = locked.map(
      ({ project, version, sha256 }) => `${project}==${version} --hash=sha256:${sha256}`
    )
    await writeFile(lock, `${lines.join('\n')}\n`)
    return new Installs(python, folder, lock)
  }

  async byPip(from: string, indexUrl: string): Promise<Installed> {
    const venv = join(this.#folder, `pip-${from}`)
    const { python } = await freshVenv(this.#python, venv)
    const env = hermeticEnv(venv)
    const before = await filesIn(join(venv, 'lib'))
    const common = ['--no-cache-dir', '--only-binary', ':all:', '--retries', '0', '--index-url', indexUrl]
    const words = [...common, '--require-hashes', '-r', this.#lock]
    const wheels = join(this.#folder, `wheels-${from}`)
    await run(python, ['-m', 'pip', 'download', '--dest', wheels, ...words], { env, cwd: '/' })
    await run(python, ['-m', 'pip', 'install', ...words], { env, cwd: '/' })
    const named = await Promise.all(
      (await readdir(wheels)).sort().map(async (name) => [name, await digestOf(join(wheels, name))] as const)
    )
    return { tool: 'pip', from, wheels: Object.fromEntries(named), ...(await this.#newFiles(venv, before)) }
  }

  async byUv(uv: string, from: string, indexUrl: string): Promise<Installed> {
    const venv = join(this.#folder, `uv-${from}`)
    const { python } = await freshVenv(this.#python, venv)
    const before = await filesIn(join(venv, 'lib'))
    const words = [
      'pip',
      'install',
      '--no-config',
      '--no-cache',
      '--only-binary',
      ':all:',
      '--python',
      python
    ]
    await run(uv, [...words, '--index-url', indexUrl, '--require-hashes', '-r', this.#lock], {
      env: hermeticEnv(venv),
      cwd: '/'
    })
    return { tool: 'uv', from, wheels: {}, ...(await this.#newFiles(venv, before)) }
  }

  async #newFiles(
    venv: string,
    before: ReadonlySet<string>
  ): Promise<{ readonly files: number; readonly digest: string }> {
    const files = [...(await filesIn(join(venv, 'lib')))].filter((path) => !before.has(path)).sort()
    const hash = createHash('sha256')
    for (const path of files) {
      hash.update(`${relative(venv, join(venv, 'lib', path))} ${await digestOf(join(venv, 'lib', path))}\n`)
    }
    return { files: files.length, digest: hash.digest('hex') }
  }
}

/** uv in an environment of its own, from the index that pip uses here; undefined where there is none. */
export async function findUv(python: string, folder: string): Promise<string | undefined> {
  await run(python, ['-m', 'venv', folder])
  const inside = join(folder, 'bin')
  try {
    await run(join(inside, 'python'), ['-m', 'pip', 'install', '--quiet', 'uv'], { timeout: 300_000 })
    return join(inside, 'uv')
  } catch {
    return undefined
  }
}

async function filesIn(folder: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => entry.isFile())
  const paths = files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
  return new Set(paths.filter((path) => !OF_INSTALLER.test(path)))
}

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}
