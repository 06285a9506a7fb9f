import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Failure } from '../../src/core/record.ts'
import type { Kind, NamedRelease } from './releases.ts'

/** `toolchain`: on a machine with the toolchain list installed; `bare`: in a root with a C compiler and Python's headers alone. */
export type Pass = 'toolchain' | 'bare'

/** What became of one release in one pass: a line of the results file. */
export interface ReleaseResult {
  readonly pass: Pass
  readonly release: string
  readonly kind: Kind
  /** `wheel`, or the cause by which it must fail. */
  readonly expected: string
  readonly wheel?: string
  readonly failure?: Failure
  readonly isAsExpected: boolean
  readonly seconds: number
  readonly sandboxLevel: number
  /** Of the machine that built: the system, the Python. */
  readonly os: string
  readonly python: string
}

/** The results of earlier runs are kept: a run that was stopped goes on where it was. */
export class ResultsFile {
  readonly #path: string
  readonly #results = new Map<string, ReleaseResult>()

  constructor(path: string) {
    this.#path = path
    mkdirSync(dirname(path), { recursive: true })
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    for (const line of text.split('\n').filter((one) => one !== ''))
      this.#keep(JSON.parse(line) as ReleaseResult)
  }

  get(pass: Pass, release: string): ReleaseResult | undefined {
    return this.#results.get(`${pass} ${release}`)
  }

  add(result: ReleaseResult): void {
    this.#keep(result)
    appendFileSync(this.#path, `${JSON.stringify(result)}\n`)
  }

  #keep(result: ReleaseResult): void {
    this.#results.set(`${result.pass} ${result.release}`, result)
  }
}

export const releaseText = ({ project, version }: NamedRelease): string => `${project}==${version}`

/** Causes of a `missing-dependency` that a package of the system cures. */
const WANTING: readonly string[] = ['missing-header', 'missing-library', 'missing-tool', 'missing-rust']

/** What must become of a release in a pass. */
export function expectedOf({ cause, needs = [] }: NamedRelease, pass: Pass): string {
  if (pass === 'bare' && needs.length > 0) return `wants ${needs.join(' or ')}`
  return cause ?? 'wheel'
}

/**
 * Whether it came as it must. Without the list a release that needs something of it must fail for want of it, with the Debian package
 * named by which the queue tries it again.
 */
export function isAsExpected(
  { cause, needs = [] }: NamedRelease,
  pass: Pass,
  failure: Failure | undefined
): boolean {
  if (pass === 'bare' && needs.length > 0) {
    if (failure === undefined || !WANTING.includes(failure.cause)) return false
    return needs.some((name) => failure.missing === name || CARRIERS.get(name) === failure.missing)
  }
  return failure?.cause === cause
}

/** Packages of the list that come with another one which a failure may name in their place. */
const CARRIERS: ReadonlyMap<string, string> = new Map([
  ['g++', 'build-essential'],
  ['rustc', 'cargo']
])
