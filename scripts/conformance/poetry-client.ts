import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConformanceClient } from './client-check.ts'
import type { Front } from '../../test/support/recording-front.ts'
import type { ConformanceMesh } from './mesh.ts'
import { mustWork, runTool, type Env, type ToolRun } from './run-tool.ts'

/** poetry, with one project folder for each check. */
export class PoetryClient implements ConformanceClient {
  readonly name: string
  readonly front: Front
  readonly mesh: ConformanceMesh
  readonly #folder: string
  readonly #poetry: string

  constructor(
    parts: { readonly poetry: string; readonly folder: string; readonly version: string },
    front: Front,
    mesh: ConformanceMesh
  ) {
    this.name = `poetry ${parts.version}`
    this.front = front
    this.mesh = mesh
    this.#folder = parts.folder
    this.#poetry = parts.poetry
  }

  poetry(project: string, words: readonly string[], env: Env = {}): Promise<ToolRun> {
    const own = { POETRY_CACHE_DIR: this.at(project, 'cache'), POETRY_VIRTUALENVS_IN_PROJECT: 'true' }
    const quiet = { POETRY_NO_INTERACTION: '1', POETRY_KEYRING_ENABLED: 'false' }
    const options = { home: this.#folder, cwd: this.at(project), env: { ...own, ...quiet, ...env } }
    return runTool(this.#poetry, words, options)
  }

  /** A folder whose only index is this front. */
  async project(name: string, dependencies: readonly string[]): Promise<void> {
    await mkdir(this.at(name), { recursive: true })
    const lines = [
      `[project]\nname = "user"\nversion = "1.0"\nrequires-python = ">=3.8,<3.20"`,
      `dependencies = ${JSON.stringify(dependencies)}`,
      `[tool.poetry]\npackage-mode = false`,
      `[[tool.poetry.source]]\nname = "commonwheel"\nurl = "${this.front.indexUrl}"\npriority = "primary"\n`
    ]
    await writeFile(this.at(name, 'pyproject.toml'), lines.join('\n'))
  }

  /** Names and versions in the lock of a new project. */
  async lock(project: string, dependencies: readonly string[]): Promise<string> {
    await this.project(project, dependencies)
    mustWork(await this.poetry(project, ['lock']))
    return this.locked(project)
  }

  async locked(project: string): Promise<string> {
    const text = await readFile(this.at(project, 'poetry.lock'), 'utf8')
    const packages = [...text.matchAll(/\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"/g)]
    return packages.map(([, name, version]) => `${name}==${version}`).join(' ')
  }

  async install(project: string, env: Env = {}): Promise<void> {
    mustWork(await this.poetry(project, ['install'], env))
  }

  /** A cache that was never filled, as another machine has it. */
  async forgetCache(project: string): Promise<void> {
    await rm(this.at(project, 'cache'), { recursive: true, force: true })
    await rm(this.at(project, '.venv'), { recursive: true, force: true })
  }

  at(...names: readonly string[]): string {
    return join(this.#folder, ...names)
  }
}
