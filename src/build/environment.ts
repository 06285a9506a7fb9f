import { readFile } from 'node:fs/promises'
import { sha256Hex } from '../core/digest.ts'
import type { BuildEnvironment } from '../core/record.ts'
import type { Interpreter } from './probe-interpreter.ts'
import { runTool } from './run-tool.ts'

/** Raised when the way of building changes so that the same inputs may give other bytes. */
const RECIPE = 'commonwheel-recipe-2'

/** What a result has room for (docs/protocol/records.md). */
const MAX_NETWORK_HOSTS = 64

export interface EnvironmentFacts {
  readonly interpreter: Interpreter
  readonly compiler: string
  readonly os: string
  readonly sandboxLevel: number
  /** `name==version sha256:…` of each wheel that a build was given. */
  readonly requirements: readonly string[]
  /** Hosts that it reached; undefined: it had no network. */
  readonly network?: readonly string[] | undefined
}

/** What is said of a build's surroundings, and the digest by which two results are comparable. */
export function environmentOf(facts: EnvironmentFacts): BuildEnvironment {
  const { interpreter, compiler, os, sandboxLevel } = facts
  const network = facts.network?.slice(0, MAX_NETWORK_HOSTS)
  const requirements = [...new Set(facts.requirements)].sort()
  const said = [
    RECIPE,
    interpreter.target.id,
    interpreter.version,
    interpreter.pipVersion,
    compiler,
    os,
    sandboxLevel
  ]
  return {
    digest: sha256Hex(
      JSON.stringify(network === undefined ? [...said, requirements] : [...said, requirements, network])
    ),
    python: interpreter.version,
    compiler,
    os,
    sandboxLevel,
    requirements,
    ...(network === undefined ? {} : { network })
  }
}

/** First line of `cc --version`, `''` without a compiler. */
export async function readCompiler(): Promise<string> {
  const { code, stdout } = await runTool('cc', ['--version'])
  return code === 0 ? (stdout.split('\n')[0] ?? '').trim() : ''
}

/** The operating system's name for itself: `Debian GNU/Linux 12 (bookworm)`. */
export async function readOs(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return /^PRETTY_NAME="?([^"\n]*)"?/m.exec(text)?.[1] ?? process.platform
}
