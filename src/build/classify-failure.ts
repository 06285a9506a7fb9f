import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CauseFileError, withOwnCauses } from '../core/cause-file.ts'
import { assertNever, messageOf } from '../core/errors.ts'
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

const loaded = new Map<string, FailureCauses>()

/** A node's own causes, in its data folder: over those of config/failure-causes.json. */
const OWN_CAUSES = 'failure-causes.json'

/** The causes of failures as a node on this data folder knows them, read once. Throws a CauseFileError for a file that cannot be used. */
export function failureCauses(dataDir = ''): FailureCauses {
  const known = loaded.get(dataDir)
  if (known !== undefined) return known
  const causes = readCauses(dataDir)
  loaded.set(dataDir, causes)
  return causes
}

function readCauses(dataDir: string): FailureCauses {
  const shipped = JSON.parse(readFileSync(packagePath('config/failure-causes.json'), 'utf8')) as CauseFile
  const path = join(dataDir, OWN_CAUSES)
  if (dataDir === '' || !existsSync(path)) return new FailureCauses(shipped)
  return withOwnCauses(shipped, readOwn(path), path)
}

function readOwn(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new CauseFileError(path, messageOf(error))
  }
}

/** How a command ended. */
export interface JudgedOutcome {
  readonly ending: Ending
  /** The end of what it wrote. */
  readonly text: string
  /** By which it is judged; the shipped ones unless said. */
  readonly causes?: FailureCauses
}

/** Why a command in the sandbox failed, undefined when it did not. The first pattern that fits tells. */
export function failureOf(step: JudgedStep, outcome: JudgedOutcome): Failure | undefined {
  const { ending, text, causes } = outcome
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
      return ending.code === 0 ? undefined : classifyText(step, text, causes)
    default:
      return assertNever(ending)
  }
}

/** What output says of its own failure. */
export function classifyText(
  step: JudgedStep,
  text: string,
  causes: FailureCauses = failureCauses()
): Failure {
  const { lines } = logLines(text)
  const finding = causes.classify(step, lines)
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
