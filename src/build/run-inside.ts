import type { FailureCauses } from '../core/failure-causes.ts'
import type { WorkFolder } from './build-place.ts'
import type { BuildLog } from './build-log.ts'
import type { SandboxHost } from './capture.ts'
import type { HostFacts } from './host-facts.ts'
import { launch, type Ending } from './launch.ts'
import type { Interpreter } from './probe-interpreter.ts'
import { INSIDE, type Bind } from './sandbox.ts'
import type { LaunchLimits } from './watch-limits.ts'

/** What every step of one build shares. */
export interface BuildContext {
  readonly host: SandboxHost
  readonly facts: HostFacts
  readonly work: WorkFolder
  readonly log: BuildLog
  readonly limits: LaunchLimits
  /** By which a failure is named. */
  readonly causes: FailureCauses
  /** The wall limit holds for all commands of a build together. */
  readonly deadlineMs: number
  readonly interpreter: Interpreter
  readonly signal: AbortSignal
}

export interface InsideRun {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The writable folder; the build's own unless said. */
  readonly work?: string
  readonly readOnly?: readonly Bind[]
  readonly writable?: readonly Bind[]
  readonly network?: boolean
}

export interface InsideOutcome {
  readonly ending: Ending
  /** The end of what it wrote, for patterns. */
  readonly text: string
  readonly causes: FailureCauses
}

/** As much of a failed command's output as its cause is looked for in. */
const JUDGED_BYTES = 256 * 1024

/** Runs one command of a build in a sandbox of its own, with its output in the build's log. */
export async function runInside(context: BuildContext, run: InsideRun): Promise<InsideOutcome> {
  const { host, facts, work, log, limits, interpreter, signal } = context
  const start = log.size
  await log.line(`run: ${run.command.map(shown).join(' ')}`)
  const plan = {
    facts,
    etcFolder: host.place.etc,
    work: run.work ?? work.build,
    readOnly: [...interpreter.readOnly, ...(run.readOnly ?? [])],
    writable: run.writable ?? [],
    network: run.network ?? false,
    env: run.env,
    cwd: INSIDE.work,
    command: run.command
  }
  const wallMs = Math.max(0, context.deadlineMs - host.clock.monotonicMs())
  const ending = await launch(host, plan, { limits: { ...limits, wallMs }, log, signal })
  const text = await log.since(start, JUDGED_BYTES)
  await log.line(`ended: ${endingText(ending)}`)
  return { ending, text, causes: context.causes }
}

/** An ending in a few words, for the log. */
function endingText(ending: Ending): string {
  if (ending.kind === 'exited') return `exit status ${ending.code}`
  return ending.kind === 'breach' ? `limit broken: ${ending.breach}` : `not started: ${ending.reason}`
}

function shown(word: string): string {
  return word.length > 200 ? `${word.slice(0, 20).split('\n')[0] ?? ''}…` : word
}
