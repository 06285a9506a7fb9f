import type { CauseText, FailureCauses, LogFinding } from '../core/failure-causes.ts'
import { lastMeaningfulLine } from '../core/failure-causes.ts'
import type { Sha256 } from '../core/ids.ts'
import { logLines } from '../core/log-lines.ts'
import type { FailureView } from './api-types.ts'

/** The build that a log is of. */
export interface LogBuildView {
  readonly job: string
  readonly project: string
  readonly version: string
  readonly target: string
  readonly builder: string
  /** What its owner calls it; `''` when it never said. */
  readonly label: string
  readonly finishedMs: number
  readonly durationMs: number
  readonly failure?: FailureView
  readonly wheel?: { readonly filename: string; readonly sha256: string; readonly size: number }
}

/** Which build a log is of: two that wrote the same words share one. */
export interface BuildBook {
  ofLog(digest: Sha256): readonly LogBuildView[]
}

/** A log read and understood. */
export interface LogView {
  readonly digest: Sha256
  readonly build: LogBuildView | undefined
  readonly lines: readonly string[]
  readonly isCut: boolean
  /** Where the failure shows. */
  readonly fault?: Pick<LogFinding, 'line' | 'start' | 'end' | 'apt'>
  readonly text?: CauseText
}

export function readLog(
  {
    digest,
    build,
    text
  }: { readonly digest: Sha256; readonly build: LogBuildView | undefined; readonly text: string },
  causes: FailureCauses
): LogView {
  const { lines, isCut } = logLines(text)
  const failure = build?.failure
  if (failure === undefined) return { digest, build, lines, isCut }
  const fault = causes.find(failure, lines) ?? lastWords(failure, lines)
  const known = causes.textOf(failure.cause)
  return {
    digest,
    build,
    lines,
    isCut,
    ...(fault === undefined ? {} : { fault }),
    ...(known === undefined ? {} : { text: known })
  }
}

/** No pattern tells: where the build ended, unless it was ended from outside. */
function lastWords(failure: FailureView, lines: readonly string[]): LogView['fault'] {
  const line = lastMeaningfulLine(lines)
  const text = lines[line]?.trim() ?? ''
  if (text === '' || !failure.reason.includes(text.slice(0, 60))) return undefined
  const start = lines[line]?.indexOf(text) ?? 0
  return { line, start, end: start + text.length }
}
