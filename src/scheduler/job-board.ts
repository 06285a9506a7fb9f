import { cascade, outcomeOf, type Cell, type CellState } from '../core/cascade.ts'
import { compareFences } from '../core/fence.ts'
import type { JobId, ProjectName, TargetId } from '../core/ids.ts'
import { jobId } from '../core/job.ts'
import type { Clock } from '../core/ports.ts'
import { WANT_PRIORITIES } from '../core/record.ts'
import type { Release, ReleaseSdist } from '../core/releases.ts'
import { backOffMs } from '../core/retry.ts'
import { parseTarget, type Target } from '../core/target.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { PageBook } from '../ledger/page-book.ts'
import type { Wish } from '../ledger/wishes.ts'
import { wantedReleases } from './wanted-releases.ts'

/** One job as the ledger tells it: claims are not in here. */
export interface JobRow {
  readonly id: JobId
  readonly project: ProjectName
  readonly version: string
  readonly target: TargetId
  readonly state: CellState
  readonly sdist: ReleaseSdist | undefined
  /** Wants that ask for it. */
  readonly wantIds: readonly string[]
  /** Lower is more urgent; text, so that it compares in one go. */
  readonly order: string
}

export interface JobBoardParts {
  readonly state: MeshState
  readonly pages: PageBook
  readonly clock: Clock
  /** A page whose bytes are not here yet is needed; `refresh` is called again once it is. */
  needPage(project: ProjectName): void
}

/** Every job of the mesh and what state it is in, kept up to date project by project. */
export class JobBoard {
  readonly #parts: JobBoardParts
  readonly #byProject = new Map<ProjectName, readonly JobRow[]>()
  readonly #rows = new Map<JobId, JobRow>()
  readonly #open = new Map<TargetId, JobRow[]>()
  /** When a failure of a job came to this node's knowledge. */
  readonly #failedAtMs = new Map<JobId, number>()
  readonly #listeners: ((rows: readonly JobRow[]) => void)[] = []
  #stale = new Set<TargetId>()

  constructor(parts: JobBoardParts) {
    this.#parts = parts
  }

  /** Computes a project's jobs anew. */
  refresh(project: ProjectName): void {
    if (this.#parts.pages.missing(project) !== undefined) {
      this.#parts.needPage(project)
      return
    }
    const before = this.#byProject.get(project) ?? []
    const rows = this.#compute(project)
    for (const { id } of before) this.#rows.delete(id)
    for (const row of rows) this.#rows.set(row.id, row)
    if (rows.length > 0) this.#byProject.set(project, rows)
    else this.#byProject.delete(project)
    for (const { target } of [...before, ...rows]) this.#stale.add(target)
    this.#noteFailures(before, rows)
    const changed = rows.filter(
      (row) =>
        !sameState(
          row,
          before.find(({ id }) => id === row.id)
        )
    )
    if (changed.length > 0) for (const listener of this.#listeners) listener(changed)
  }

  /** Targets or members changed: every job may. */
  refreshAll(): void {
    for (const project of this.#parts.state.wishes.projects()) this.refresh(project)
  }

  get(job: JobId): JobRow | undefined {
    return this.#rows.get(job)
  }

  rows(): Iterable<JobRow> {
    return this.#rows.values()
  }

  rowsOf(project: ProjectName): readonly JobRow[] {
    return this.#byProject.get(project) ?? []
  }

  /**
   * Jobs of a target that may be built now, most urgent first. A job that waits for a lower target's turn need not when nobody
   * who is there builds for that one: `isServed` says for which targets somebody is.
   */
  *openJobs(target: TargetId, isServed: (target: TargetId) => boolean): Iterable<JobId> {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const row of this.#unfinished(target)) {
      if (nowMs >= this.#readyMs(row) && !this.#mustWait(row, isServed)) yield row.id
    }
  }

  /** Runs with the rows whose state changed. */
  onChange(listener: (rows: readonly JobRow[]) => void): void {
    this.#listeners.push(listener)
  }

  #compute(project: ProjectName): readonly JobRow[] {
    const { state, pages } = this.#parts
    const known = pages.releases(project)
    if (known === undefined) return []
    const wishes = state.wishes.forProject(project)
    return wantedReleases(wishes, known.releases).flatMap(({ release, wishes }) =>
      this.#rowsOfRelease(project, release, wishes)
    )
  }

  #rowsOfRelease(project: ProjectName, release: Release, wishes: readonly Wish[]): readonly JobRow[] {
    const cells = cascade({
      release,
      targets: this.#targetsOf(wishes),
      outcomes: this.#outcomes(project, release),
      skipReason: this.#parts.state.wishes.skipReason(project, release.version)
    })
    return cells.map((cell, position) => {
      const asking = wishes.filter(({ targets }) => targets.length === 0 || targets.includes(cell.target.id))
      return rowOf({ project, release, cell, position, wishes: asking })
    })
  }

  #targetsOf(wishes: readonly Wish[]): readonly Target[] {
    const all = this.#parts.state.nodes.targets()
    const ids = new Set<TargetId>()
    for (const { targets } of wishes)
      for (const id of targets.length > 0 ? targets : all.map((t) => t.id)) ids.add(id)
    return [...ids].map(parseTarget)
  }

  #outcomes(project: ProjectName, release: Release): ReturnType<typeof outcomeOf>[] {
    const { results, membership } = this.#parts.state
    return results
      .ofRelease(project, release.version)
      .filter(
        ({ author, record }) =>
          membership.levelOf(author) !== undefined && release.sdistDigests.includes(record.sdist.sha256)
      )
      .sort((a, b) => compareFences(a.record.fence, b.record.fence) || (a.recordId < b.recordId ? -1 : 1))
      .map(({ record }) => outcomeOf(record, targetOf(record.job), results.retracted()))
  }

  #noteFailures(before: readonly JobRow[], rows: readonly JobRow[]): void {
    for (const row of rows) {
      const known = before.find(({ id }) => id === row.id)
      if (failuresOf(row) > failuresOf(known)) this.#failedAtMs.set(row.id, this.#parts.clock.monotonicMs())
      if (row.state.kind !== 'open') this.#failedAtMs.delete(row.id)
    }
  }

  #readyMs(row: JobRow): number {
    const failedAtMs = this.#failedAtMs.get(row.id)
    return failedAtMs === undefined ? 0 : failedAtMs + backOffMs(failuresOf(row))
  }

  #unfinished(target: TargetId): readonly JobRow[] {
    const known = this.#open.get(target)
    if (known !== undefined && !this.#stale.has(target)) return known
    const rows = [...this.#rows.values()].filter((row) => row.target === target && isUnfinished(row))
    rows.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    this.#open.set(target, rows)
    this.#stale.delete(target)
    return rows
  }

  #mustWait(row: JobRow, isServed: (target: TargetId) => boolean): boolean {
    if (row.state.kind !== 'waiting') return false
    // Rows of a release are in the cascade's order.
    for (const before of this.rowsOf(row.project)) {
      if (before.version !== row.version) continue
      if (before.id === row.id) return false
      if (isUnfinished(before) && isServed(before.target)) return true
    }
    return false
  }
}

function rowOf(what: {
  readonly project: ProjectName
  readonly release: Release
  readonly cell: Cell
  readonly position: number
  readonly wishes: readonly Wish[]
}): JobRow {
  const { project, release, cell, position, wishes } = what
  const target = cell.target.id
  return {
    id: jobId(project, release.version, target),
    project,
    version: release.version,
    target,
    state: cell.state,
    sdist: release.sdist,
    wantIds: [...new Set(wishes.map(({ wantId }) => wantId))],
    order: orderOf(release, wishes, position)
  }
}

/** Request before new release before popular before backlog, odd releases last, then the cascade, then the oldest want. */
function orderOf(release: Release, wishes: readonly Wish[], position: number): string {
  const priority = Math.min(...wishes.map((wish) => WANT_PRIORITIES.indexOf(wish.priority)))
  const odd = release.yanked || release.prerelease ? 1 : 0
  const since = Math.min(...wishes.map(({ createdMs }) => createdMs))
  return `${priority}${odd}${String(position).padStart(2, '0')}${String(since).padStart(16, '0')}`
}

/** Open, or waiting for its turn. */
export function isUnfinished({ state }: JobRow): boolean {
  return state.kind === 'open' || state.kind === 'waiting'
}

function failuresOf(row: JobRow | undefined): number {
  return row?.state.kind === 'open' ? row.state.failures : 0
}

function sameState(a: JobRow, b: JobRow | undefined): boolean {
  return b !== undefined && JSON.stringify(a.state) === JSON.stringify(b.state)
}

function targetOf(job: JobId): TargetId {
  return job.slice(job.lastIndexOf('@') + 1) as TargetId
}
