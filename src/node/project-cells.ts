import { cascade, type CellState } from '../core/cascade.ts'
import type { JobId, ProjectName } from '../core/ids.ts'
import { jobId } from '../core/job.ts'
import type { Release } from '../core/releases.ts'
import type { Target } from '../core/target.ts'
import { builtReason } from '../core/wheel-remarks.ts'
import type { JobStateView } from '../http/api-types.ts'
import type { CellBuildView, CellView } from '../http/project-view.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { outcomesOf } from '../ledger/outcomes.ts'
import { finishedMs, type ResultFact } from '../ledger/results.ts'
import type { JobBoard, JobRow } from '../scheduler/job-board.ts'
import type { JobViews } from './job-views.ts'

export interface ProjectCellParts {
  readonly state: MeshState
  readonly board: JobBoard
  readonly views: JobViews
}

/** One release on each target: what is wanted as the board has it, the rest as it is anyway. */
export function cellViews(
  parts: ProjectCellParts,
  name: ProjectName,
  { release, targets }: { readonly release: Release; readonly targets: readonly Target[] }
): readonly CellView[] {
  const { state, board } = parts
  const unwanted = cascade({
    release,
    targets,
    outcomes: outcomesOf(state, name, release),
    skipReason: state.wishes.skipReason(name, release.version),
    offers: (target) => state.nodes.offers(target)
  })
  return targets.map((target): CellView => {
    const job = jobId(name, release.version, target.id)
    const row = board.get(job)
    if (row !== undefined) return wantedCell(parts, target, row)
    const cell = unwanted.find((one) => one.target.id === target.id)
    return unwantedCell(parts, { job, target, cell: cell?.state })
  })
}

function wantedCell(parts: ProjectCellParts, target: Target, row: JobRow): CellView {
  const { state, reason } = parts.views.view(row)
  return {
    target: target.id,
    state,
    reason,
    asked: true,
    ...causeOf(row.state),
    ...lastBuild(parts, row.id, row.state)
  }
}

/** A release that nobody asked for: only what is so anyway. */
function unwantedCell(
  parts: ProjectCellParts,
  {
    job,
    target,
    cell
  }: { readonly job: JobId; readonly target: Target; readonly cell: CellState | undefined }
): CellView {
  const known = { target: target.id, asked: false, ...lastBuild(parts, job, cell) }
  if (cell === undefined || cell.kind === 'open' || cell.kind === 'waiting')
    return { ...known, state: 'waiting', reason: 'nobody asked for it; `commonwheel want` does' }
  const state: JobStateView = cell.kind
  return { ...known, state, reason: reasonOf(cell), ...causeOf(cell) }
}

function reasonOf(cell: CellState): string {
  switch (cell.kind) {
    case 'failed':
      return cell.failure.reason
    case 'skipped':
    case 'excluded':
      return cell.reason
    case 'upstream':
      return `upstream ships ${cell.filename}`
    case 'built':
      return builtReason(cell.wheel)
    case 'open':
    case 'waiting':
      return ''
  }
}

function causeOf(cell: CellState | undefined): { readonly cause?: string } {
  return cell?.kind === 'failed' ? { cause: cell.failure.cause } : {}
}

/** The build that made the wheel, also when it was for another target; else the last one of this job. */
function lastBuild(
  { state }: ProjectCellParts,
  job: JobId,
  cell: CellState | undefined
): Pick<CellView, 'build' | 'log'> {
  const facts = state.results.ofJob(cell?.kind === 'built' ? cell.job : job)
  const fact =
    cell?.kind === 'built'
      ? facts.find(({ record }) => record.wheel?.sha256 === cell.wheel.sha256)
      : cell?.kind === 'upstream' || cell?.kind === 'excluded'
        ? undefined
        : facts.at(-1)
  return fact === undefined ? {} : { build: buildOf(state, fact), log: fact.record.log.sha256 }
}

function buildOf({ nodes }: MeshState, { author, record }: ResultFact): CellBuildView {
  return {
    builder: author,
    label: nodes.get(author)?.label ?? '',
    finishedMs: finishedMs(record),
    durationMs: record.durationMs
  }
}
