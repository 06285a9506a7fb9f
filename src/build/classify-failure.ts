import { readFileSync } from 'node:fs'
import { FAILURE_CLASSES, type Failure, type FailureClass } from '../core/record.ts'
import { assertNever } from '../core/errors.ts'
import type { Ending } from './launch.ts'
import { packagePath } from './package-path.ts'
import type { Breach } from './watch-limits.ts'

/** In which step a command ran: fetching requirements fails in other ways than building. */
export type JudgedStep = 'requirements' | 'build'

interface FailurePattern {
  readonly step?: JudgedStep
  readonly pattern: RegExp
  readonly class: FailureClass
  readonly cause: string
  /** `$1`, `$2`: what the pattern caught; `$apt`: the Debian package of it, when known. */
  readonly reason: string
  readonly apt: Readonly<Record<string, string>>
}

const MAX_REASON_CHARS = 400

let loaded: readonly FailurePattern[] | undefined

/** Why a command in the sandbox failed, undefined when it did not. The first pattern that fits tells. */
export function failureOf(
  step: JudgedStep,
  outcome: { readonly ending: Ending; readonly text: string }
): Failure | undefined {
  const { ending, text } = outcome
  switch (ending.kind) {
    case 'breach':
      return breachFailure(ending.breach)
    case 'not-started':
      return { class: 'infra', cause: 'sandbox', reason: clip(`the sandbox did not start: ${ending.reason}`) }
    case 'exited':
      return ending.code === 0 ? undefined : classifyText(step, text)
    default:
      return assertNever(ending)
  }
}

/** What output says of its own failure. */
export function classifyText(step: JudgedStep, text: string): Failure {
  for (const candidate of (loaded ??= loadPatterns())) {
    if (candidate.step !== undefined && candidate.step !== step) continue
    const match = candidate.pattern.exec(text)
    if (match === null) continue
    return { class: candidate.class, cause: candidate.cause, reason: clip(reasonFor(candidate, match)) }
  }
  const cause = step === 'build' ? 'build-failed' : 'requirements-failed'
  return { class: 'package', cause, reason: clip(`the build failed: ${lastMeaningfulLine(text)}`) }
}

/** The fault of this machine in an error that Node threw, undefined when it is none. */
export function hostFailure(error: unknown): Failure {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return { class: 'infra', cause: 'disk-full', reason: clip(message) }
  if (code === 'EROFS' || code === 'EIO')
    return { class: 'infra', cause: 'disk-broken', reason: clip(message) }
  return { class: 'infra', cause: 'builder-error', reason: clip(message) }
}

const BREACHES: Readonly<Record<Breach, Failure>> = {
  wall: { class: 'resource', cause: 'timeout', reason: 'the build took longer than this node allows' },
  silence: {
    class: 'package',
    cause: 'silence',
    reason:
      'the build neither wrote nor computed anything for too long: it waits for something that will not come'
  },
  memory: {
    class: 'resource',
    cause: 'out-of-memory',
    reason: 'the build needs more memory than this node allows'
  },
  disk: { class: 'resource', cause: 'disk-limit', reason: 'the build needs more disk than this node allows' },
  log: { class: 'package', cause: 'log-limit', reason: 'the build wrote more output than any build may' },
  'host-disk': { class: 'infra', cause: 'disk-full', reason: 'this node’s disk ran full during the build' }
}

function breachFailure(breach: Breach): Failure {
  return BREACHES[breach]
}

function reasonFor({ reason, apt }: FailurePattern, match: RegExpExecArray): string {
  const packageName = apt[(match[1] ?? '').toLowerCase()] ?? apt[match[1] ?? '']
  const cure = packageName === undefined ? '' : `: apt install ${packageName}`
  return reason
    .replaceAll('$apt', () => cure)
    .replaceAll(/\$(\d)/g, (_, digit: string) => match[Number(digit)] ?? '')
}

const NOISE =
  /^(==|\s*$|\s*\[notice\]|\s*error: subprocess-exited|\s*note: This|\s*╰─>|\s*×|ERROR: Failed (?:to build|building))/

function lastMeaningfulLine(text: string): string {
  return (
    text
      .split('\n')
      .findLast((line) => !NOISE.test(line))
      ?.trim() ?? 'it said nothing'
  )
}

function clip(text: string): string {
  // Control characters of a build's output must not reach anybody's terminal.
  const line = text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim()
  return line.length > MAX_REASON_CHARS ? `${line.slice(0, MAX_REASON_CHARS - 1)}…` : line
}

interface PatternFile {
  readonly apt: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly patterns: readonly Readonly<Record<string, string>>[]
}

function loadPatterns(): readonly FailurePattern[] {
  const path = packagePath('config/failure-patterns.json')
  const { apt, patterns } = JSON.parse(readFileSync(path, 'utf8')) as PatternFile
  return patterns.map(
    ({ step, pattern = '', class: failureClass, cause = '', reason = '', apt: table = '' }) => {
      const found = FAILURE_CLASSES.find((name) => name === failureClass)
      if (found === undefined || cause === '') throw new TypeError(`${path}: bad pattern ${pattern}`)
      const compiled = {
        pattern: new RegExp(pattern, 'm'),
        class: found,
        cause,
        reason,
        apt: apt[table] ?? {}
      }
      return step === 'build' || step === 'requirements' ? { ...compiled, step } : compiled
    }
  )
}
