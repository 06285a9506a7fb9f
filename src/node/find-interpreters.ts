import { readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { SandboxHost } from '../build/capture.ts'
import { probeInterpreter, type Interpreter } from '../build/probe-interpreter.ts'

/** An interpreter that nothing is built for here. */
export interface RefusedPython {
  readonly path: string
  readonly reason: string
  readonly cure: string
}

interface FoundInterpreters {
  /** One for each target, in the order in which they were named. */
  readonly interpreters: readonly Interpreter[]
  readonly refusedPythons: readonly RefusedPython[]
}

/** In `pythons`: every Python that the system's packages brought. */
const AUTO = 'auto'
/** Where a system has them; /usr/local and /opt are an owner's, who names what builds are to use. */
const SYSTEM_FOLDER = '/usr/bin'
const SYSTEM_NAME = /^(python3\.\d+t?|pypy3(\.\d+)?)$/

/** Asks each interpreter what it is. None named: the system's `python3`. */
export async function findInterpreters(
  named: readonly string[],
  host: SandboxHost,
  onProgress: (line: string) => void
): Promise<FoundInterpreters> {
  const interpreters: Interpreter[] = []
  const refusedPythons: RefusedPython[] = []
  for (const path of await pathsOf(named)) {
    onProgress(`looking at ${path}`)
    const verdict = await probeInterpreter(path, host)
    if (verdict.kind === 'refused') {
      const { reason, cure } = verdict
      refusedPythons.push({ path, reason, cure })
      onProgress(`${path} cannot be used: ${reason}; cure: ${cure}`)
      continue
    }
    const { interpreter } = verdict
    const other = interpreters.find(({ target }) => target.id === interpreter.target.id)
    if (other !== undefined) {
      onProgress(`${path} is left out: ${other.path} builds for ${other.target.id}`)
      continue
    }
    interpreters.push(interpreter)
    for (const warning of interpreter.warnings) onProgress(`${path}: ${warning}`)
  }
  return { interpreters, refusedPythons }
}

export function pythonText({ path, reason, cure }: RefusedPython): string {
  return `${path}: ${reason}; cure: ${cure}`
}

async function pathsOf(named: readonly string[]): Promise<readonly string[]> {
  if (named.length === 0) return ['python3']
  const paths = await Promise.all(named.map(async (path) => (path === AUTO ? systemPythons() : [path])))
  return [...new Set(paths.flat())]
}

/** The Pythons of a system's folder, CPython first, oldest first; of several names for one program the first. */
export async function systemPythons(folder: string = SYSTEM_FOLDER): Promise<readonly string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => SYSTEM_NAME.test(name))
  const sorted = names.sort((a, b) => Number(isPyPy(a)) - Number(isPyPy(b)) || minor(a) - minor(b))
  const byProgram = new Map<string, string>()
  for (const name of sorted) {
    const path = join(folder, name)
    const program = await realpath(path).catch(() => undefined)
    if (program !== undefined && !byProgram.has(program)) byProgram.set(program, path)
  }
  return [...byProgram.values()]
}

function isPyPy(name: string): boolean {
  return name.startsWith('pypy')
}

/** 0 for a name that says none; free-threaded ones stand behind the others of their version. */
function minor(name: string): number {
  const [, digits = '0', free = ''] = /\.(\d+)(t?)$/.exec(name) ?? []
  return Number(digits) + (free === '' ? 0 : 0.5)
}
