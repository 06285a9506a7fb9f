import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConformanceClient } from './client-check.ts'
import type { Front } from '../../test/support/recording-front.ts'
import type { ConformanceMesh } from './mesh.ts'
import { mustWork, runTool, type Env, type ToolRun } from './run-tool.ts'

/** uv, with a cache of its own for each check. */
export class UvClient implements ConformanceClient {
  readonly name: string
  readonly front: Front
  readonly mesh: ConformanceMesh
  readonly folder: string
  readonly #uv: string
  readonly #python: string

  constructor(
    parts: {
      readonly uv: string
      readonly python: string
      readonly folder: string
      readonly version: string
    },
    front: Front,
    mesh: ConformanceMesh
  ) {
    this.name = `uv ${parts.version}`
    this.front = front
    this.mesh = mesh
    this.folder = parts.folder
    this.#uv = parts.uv
    this.#python = parts.python
  }

  uv(words: readonly string[], env: Env = {}, cwd = this.folder): Promise<ToolRun> {
    const common = { UV_PYTHON: this.#python, UV_PYTHON_DOWNLOADS: 'never', UV_NO_PROGRESS: '1' }
    const cache = { UV_CACHE_DIR: this.at('cache') }
    return runTool(this.#uv, words, { home: this.folder, cwd, env: { ...common, ...cache, ...env } })
  }

  /** `uv pip COMMAND` with this front as the only index. */
  pip(cache: string, words: readonly string[], env: Env = {}): Promise<ToolRun> {
    const index = { UV_DEFAULT_INDEX: this.front.indexUrl, UV_CACHE_DIR: this.at(`cache-${cache}`) }
    return this.uv(['pip', ...words], { ...index, ...env })
  }

  /** The versions that a requirement comes to, by `uv pip compile`. */
  async compile(cache: string, specs: readonly string[], words: readonly string[] = []): Promise<string> {
    await writeFile(this.at('in.txt'), specs.join('\n'))
    const run = await this.pip(cache, ['compile', '--no-header', '--no-annotate', ...words, 'in.txt'])
    mustWork(run)
    return run.stdout.trim()
  }

  /** A project folder with these dependencies, whose only index is this front. */
  async project(name: string, dependencies: readonly string[]): Promise<string> {
    const folder = this.at(name)
    await mkdir(folder, { recursive: true })
    const lines = [
      '[project]\nname = "user"\nversion = "1.0"\nrequires-python = ">=3.8"',
      `dependencies = ${JSON.stringify(dependencies)}`,
      `[[tool.uv.index]]\nname = "commonwheel"\nurl = "${this.front.indexUrl}"\ndefault = true\n`
    ]
    await writeFile(join(folder, 'pyproject.toml'), lines.join('\n'))
    return folder
  }

  at(...names: readonly string[]): string {
    return join(this.folder, ...names)
  }
}
