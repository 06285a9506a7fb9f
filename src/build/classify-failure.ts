import { readFileSync } from 'node:fs'
import { assertNever } from '../core/errors.ts'
import {
  clipReason,
  FailureCauses,
  lastMeaningfulLine,
  type CauseFile,
  type JudgedStep
} from '../core/failure-causes.ts'
import { logLines } from '../core/log-lines.ts'
import type { Failure } from '../core/record.ts'
import type { Ending } from './launch.ts'
import { packagePath } from './package-path.ts'
import type { Breach } from './watch-limits.ts'

let loaded: FailureCauses | undefined

/** The table of causes: read once, config/failure-causes.json. */
export function failureCauses(): FailureCauses {
  return (loaded ??= new FailureCauses(
    JSON.parse(readFileSync(packagePath('config/failure-causes.json'), 'utf8')) as CauseFile
  ))
}

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
      return {
        class: 'infra',
        cause: 'sandbox',
        reason: clipReason(`the sandbox did not start: ${ending.reason}`)
      }
    case 'exited':
      return ending.code === 0 ? undefined : classifyText(step, text)
    default:
      return assertNever(ending)
  }
}

/** What output says of its own failure. */
export function classifyText(step: JudgedStep, text: string): Failure {
  const { lines } = logLines(text)
  const finding = failureCauses().classify(step, lines)
  if (finding !== undefined) return finding.failure
  const cause = step === 'build' ? 'build-failed' : 'requirements-failed'
  const last = lines[lastMeaningfulLine(lines)]?.trim() ?? 'it said nothing'
  return { class: 'package', cause, reason: clipReason(`the build failed: ${last}`) }
}

/** The fault of this machine in an error that Node threw, undefined when it is none. */
export function hostFailure(error: unknown): Failure {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return { class: 'infra', cause: 'disk-full', reason: clipReason(message) }
  if (code === 'EROFS' || code === 'EIO')
    return { class: 'infra', cause: 'disk-broken', reason: clipReason(message) }
  return { class: 'infra', cause: 'builder-error', reason: clipReason(message) }
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
