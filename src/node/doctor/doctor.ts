import { messageOf } from '../../core/errors.ts'
import { interpreters, memoryGroups, sandbox } from './build-checks.ts'
import { canary } from './canary-check.ts'
import { type Check, type CheckContext, failure, type Level } from './check.ts'
import { dataFolder, inodes, nodeVersion, permissions, running, space } from './folder-checks.ts'
import { machineChecks } from './machine-checks.ts'
import { clock, members, upstream } from './net-checks.ts'
import { blobs, database } from './store-checks.ts'
import { toolchain } from './toolchain-check.ts'

/** In the order in which they are shown: what the others stand on comes first. */
const CHECKS: readonly Check[] = [
  nodeVersion,
  running,
  dataFolder,
  space,
  inodes,
  ...machineChecks(),
  permissions,
  database,
  blobs,
  sandbox,
  memoryGroups,
  interpreters,
  canary,
  toolchain,
  clock,
  members,
  upstream
]

export interface Diagnosis {
  readonly id: string
  readonly title: string
  readonly why: string
  readonly level: Level
  readonly found: string
  readonly cure?: string
  readonly facts?: Readonly<Record<string, unknown>>
  /** `--fix` would do something about it. */
  readonly fixable: boolean
  /** What `--fix` did. */
  readonly fixed?: string
}

/** Looks at one thing after the other; `onDiagnosis` hears of each as it is known. A check that fails is a finding itself. */
export async function runDoctor(
  context: CheckContext,
  fix: boolean,
  onDiagnosis: (diagnosis: Diagnosis) => void
): Promise<readonly Diagnosis[]> {
  const diagnoses: Diagnosis[] = []
  for (const check of CHECKS) {
    context.signal.throwIfAborted()
    const diagnosis = await diagnose(check, context, fix)
    diagnoses.push(diagnosis)
    onDiagnosis(diagnosis)
  }
  return diagnoses
}

async function diagnose(check: Check, context: CheckContext, fix: boolean): Promise<Diagnosis> {
  const { id, title, why } = check
  try {
    const { fix: act, ...finding } = await check.run(context)
    const base = { id, title, why, ...finding, fixable: act !== undefined }
    if (!fix || act === undefined) return base
    return { ...base, level: 'ok', fixed: await act() }
  } catch (error) {
    const finding = failure(messageOf(error), 'this check itself failed: run it with --debug')
    return { id, title, why, ...finding, fixable: false }
  }
}
