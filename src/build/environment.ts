import { readFile } from 'node:fs/promises'
import { sha256Hex } from '../core/digest.ts'
import type { BuildEnvironment } from '../core/record.ts'
import type { Interpreter } from './probe-interpreter.ts'
import { runTool } from './run-tool.ts'

/** Raised when the way of building changes so that the same inputs may give other bytes. */
const RECIPE = 'commonwheel-recipe-1'

export interface EnvironmentFacts {
  readonly interpreter: Interpreter
  readonly compiler: string
  readonly os: string
  readonly sandboxLevel: number
  /** `name==version sha256:…` of each wheel that a build was given. */
  readonly requirements: readonly string[]
}

/** What is said of a build's surroundings, and the digest by which two results are comparable. */
export function environmentOf(facts: EnvironmentFacts): BuildEnvironment {
  const { interpreter, compiler, os, sandboxLevel } = facts
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
    digest: sha256Hex(JSON.stringify([...said, requirements])),
    python: interpreter.version,
    compiler,
    os,
    sandboxLevel,
    requirements
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
