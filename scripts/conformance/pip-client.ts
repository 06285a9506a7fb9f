import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConformanceClient } from './client-check.ts'
import type { Front } from '../../test/support/recording-front.ts'
import type { ConformanceMesh } from './mesh.ts'
import type { CarriedPip } from './pythons.ts'
import { mustWork, runTool, type Env, type ToolRun } from './run-tool.ts'

/** As a person here would run pip: for fetching the clients themselves; nothing of it reaches the checks. */
export const AMBIENT: Env = {
  ...process.env,
  HOME: process.env['HOME'],
  PIP_CONFIG_FILE: process.env['PIP_CONFIG_FILE']
}

export interface PipPlan {
  readonly carried: CarriedPip
  /** Another pip than the one it came with: its version, or `newest`. */
  readonly other?: string
  readonly folder: string
  readonly front: Front
  readonly mesh: ConformanceMesh
  readonly caFile: string
}

/** One pip in one Python, in an environment of its own. */
export class PipClient implements ConformanceClient {
  readonly name: string
  readonly front: Front
  readonly mesh: ConformanceMesh
  readonly folder: string
  readonly caFile: string
  /** `[3, 11]` */
  readonly python: readonly [major: number, minor: number]
  /** `[23, 2]` */
  readonly version: readonly [major: number, minor: number]
  readonly #executable: string

  private constructor(plan: PipPlan, executable: string, version: string) {
    const { carried, folder, front, mesh, caFile } = plan
    this.folder = folder
    this.front = front
    this.mesh = mesh
    this.caFile = caFile
    this.python = carried.python
    this.#executable = executable
    const [major = 0, minor = 0] = version.split('.').map(Number)
    this.version = [major, minor]
    this.name = `pip ${version} (Python ${carried.python.join('.')})`
  }

  /** Rejects with the words of whichever tool could not make it. */
  static async create(plan: PipPlan): Promise<PipClient> {
    const { carried, other, folder } = plan
    await mkdir(folder, { recursive: true })
    const executable = await environmentOf(carried, folder)
    if (other !== undefined) {
      const wanted = other === 'newest' ? 'pip' : `pip==${other}`
      const words = ['-m', 'pip', 'install', '--quiet', '--upgrade', wanted]
      mustWork(await runTool(executable, words, { home: folder, env: AMBIENT }))
    }
    const { stdout } = await runTool(executable, ['-c', 'import pip; print(pip.__version__)'], {
      home: folder
    })
    return new PipClient(plan, executable, stdout.trim())
  }

  isSince(major: number, minor: number): boolean {
    return this.version[0] > major || (this.version[0] === major && this.version[1] >= minor)
  }

  isPython(major: number, minor: number): boolean {
    return this.python[0] > major || (this.python[0] === major && this.python[1] >= minor)
  }

  pip(words: readonly string[], env: Env = {}): Promise<ToolRun> {
    return runTool(this.#executable, ['-m', 'pip', ...words], { home: this.folder, env })
  }

  /** `download` or `install` with this front as the only index, nothing kept from earlier runs. */
  ask(command: string, words: readonly string[], env: Env = {}): Promise<ToolRun> {
    return this.askAt(this.front.indexUrl, command, words, env)
  }

  askAt(indexUrl: string, command: string, words: readonly string[], env: Env = {}): Promise<ToolRun> {
    return this.pip([command, '--no-cache-dir', '--index-url', indexUrl, ...words], env)
  }

  async download(into: string, words: readonly string[], env: Env = {}): Promise<readonly string[]> {
    mustWork(await this.ask('download', ['--dest', this.at(into), ...words], env))
    return this.list(into)
  }

  /** What a line of Python prints that finds packages in this folder first, if one is given. */
  async eval(code: string, target?: string): Promise<string> {
    const run = await runTool(this.#executable, ['-c', code], {
      home: this.folder,
      ...(target !== undefined && { env: { PYTHONPATH: this.at(target) } })
    })
    mustWork(run)
    return run.stdout.trim()
  }

  at(...names: readonly string[]): string {
    return join(this.folder, ...names)
  }

  async list(folder: string): Promise<readonly string[]> {
    return (await readdir(this.at(folder)).catch(() => [])).sort()
  }
}

async function environmentOf({ executable, python }: CarriedPip, folder: string): Promise<string> {
  // Python 2 has no venv; it is never changed, only asked to install into other folders.
  if (python[0] === 2) return executable
  mustWork(await runTool(executable, ['-m', 'venv', join(folder, 'venv')], { home: folder }))
  return join(folder, 'venv', 'bin', 'python')
}
