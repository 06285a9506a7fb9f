import { cascade } from '../core/cascade.ts'
import { meets } from '../core/capacity.ts'
import type { Capacity } from '../core/coordination.ts'
import type { JobId, NodeId, ProjectName, TargetId } from '../core/ids.ts'
import type { Clock } from '../core/ports.ts'
import { backOffMs } from '../core/retry.ts'
import { parseTarget, type Target } from '../core/target.ts'
import type { MeshState, StateChange } from '../ledger/mesh-state.ts'
import { outcomesOf } from '../ledger/outcomes.ts'
import type { PageBook } from '../ledger/page-book.ts'
import type { Wish } from '../ledger/wishes.ts'
import { BatchBook } from './batch-book.ts'
import { BoardRelease, cellsOf, sameState, type BoardCell, type JobRow } from './board-cell.ts'
import { expectedMs } from './expected-time.ts'
import { JobQueue, type Taking } from './job-queue.ts'
import { wantedReleases } from './wanted-releases.ts'

export type { JobRow } from './board-cell.ts'

export interface JobBoardParts {
  readonly state: MeshState
  readonly pages: PageBook
  readonly clock: Clock
  /** A page whose bytes are not here yet is needed; `refresh` is called again once it is. */
  needPage(project: ProjectName): void
}

type ProjectJobs = ReadonlyMap<string, BoardRelease>

const NOTHING: ProjectJobs = new Map()

/**
 * Every job of the mesh and what state it is in. Kept up to date release by release: what a record changes costs what its releases
 * have of cells, whatever else is on the board.
 */
export class JobBoard {
  readonly batches: BatchBook
  readonly #parts: JobBoardParts
  readonly #projects = new Map<ProjectName, ProjectJobs>()
  readonly #queues = new Map<TargetId, JobQueue>()
  /** When a failure of a job came to this node's knowledge. */
  readonly #failedAtMs = new Map<JobId, number>()
  /** Releases of which some job needs, or would need, more than it had. */
  readonly #needy = new Set<BoardRelease>()
  readonly #targets = new Map<TargetId, Target>()
  readonly #listeners: ((rows: readonly JobRow[]) => void)[] = []

  constructor(parts: JobBoardParts) {
    this.#parts = parts
    this.batches = new BatchBook(parts)
  }

  /** Takes over what an entry changed. */
  apply({ projects, versions, everything, offers }: StateChange): void {
    if (everything) {
      this.refreshAll()
      return
    }
    for (const project of projects) {
      const only = versions.get(project)
      if (only === undefined) this.refresh(project)
      else this.#refreshVersions(project, only)
    }
    if (offers) for (const of of [...this.#needy]) this.#tellChanged(this.#judge(of))
  }

  /** Computes a project's jobs anew. */
  refresh(project: ProjectName): void {
    if (this.#parts.pages.missing(project) !== undefined) {
      this.batches.learn(project)
      this.#parts.needPage(project)
      return
    }
    const others = this.batches.refresh(project)
    const before = this.#projects.get(project) ?? NOTHING
    const now = this.#releasesOf(project, before)
    for (const of of before.values()) if (now.get(of.release.version) !== of) this.#drop(of, now)
    if (now.size > 0) this.#projects.set(project, now)
    else this.#projects.delete(project)
    this.#tellChanged([...now].flatMap(([version, of]) => this.#judge(of, before.get(version)?.cells)))
    this.#judgeAll(others)
  }

  /** The mesh builds for other targets: every job may be another. */
  refreshAll(): void {
    // Those of the board, too: with the feed that a want was in, the want may be gone.
    const projects = new Set([...this.#parts.state.wishes.projects(), ...this.#projects.keys()])
    for (const project of projects) this.refresh(project)
  }

  /** Those that have jobs. */
  projects(): Iterable<ProjectName> {
    return this.#projects.keys()
  }

  get(job: JobId): JobRow | undefined {
    const row = this.#cell(job)?.row()
    const pass = this.batches.passOf(job)
    return row === undefined || pass === 1 ? row : { ...row, pass }
  }

  *rows(): Iterable<JobRow> {
    for (const project of this.#projects.keys()) yield* this.rowsOf(project)
  }

  rowsOf(project: ProjectName): readonly JobRow[] {
    const releases = [...(this.#projects.get(project) ?? NOTHING).values()]
    return releases.flatMap(({ cells }) => cells.map((cell) => cell.row()))
  }

  /**
   * Jobs of a target that may be built now, most urgent first; of a slice only, if one is given. A job that waits for a lower
   * target's turn need not when nobody who is there builds for that one: `isServed` says for which targets somebody is.
   * To be read at once: what changes meanwhile may be missed.
   */
  *openJobs(target: TargetId, taking: Taking): Iterable<JobId> {
    const queue = this.#queues.get(target)
    if (queue === undefined) return
    const nowMs = this.#parts.clock.monotonicMs()
    for (const cell of queue.take(nowMs, taking)) if (this.batches.mayStart(cell.id, nowMs)) yield cell.id
  }

  /**
   * Whether a builder can take a job: it has what the job's failures say that it needs, and takes jobs as long as this one. Packages are looked up in the builder's
   * own record; without a builder, a job that needs packages fits nobody. What is not on the board fits nobody.
   */
  fits(job: JobId, capacity: Capacity, builder?: NodeId): boolean {
    const state = this.#cell(job)?.state
    if (state === undefined) return false
    const { longestMs } = capacity
    if (longestMs !== undefined && (expectedMs(this.#parts.state.results, job) ?? 0) > longestMs) return false
    if (state.kind !== 'open' || state.needs === undefined) return true
    const record = builder === undefined ? undefined : this.#parts.state.nodes.get(builder)
    return meets({ limits: capacity, packages: record?.packages ?? [] }, state.needs)
  }

  /** The node on which a job failed last for a reason that may pass: another one is to try first. */
  failedOn(job: JobId): NodeId | undefined {
    const state = this.#cell(job)?.state
    return state?.kind === 'open' ? state.failedOn : undefined
  }

  /** Runs with the rows whose state changed. */
  onChange(listener: (rows: readonly JobRow[]) => void): void {
    this.#listeners.push(listener)
  }

  /** The releases that are wanted now; those of `before` where the same wishes want the same bytes. */
  #releasesOf(project: ProjectName, before: ProjectJobs): ProjectJobs {
    const { state, pages } = this.#parts
    const known = pages.releases(project)
    if (known === undefined) return NOTHING
    const wanted = wantedReleases(state.wishes.forProject(project), known.releases)
    return new Map(
      wanted.map(({ release, wishes }) => {
        const same = before.get(release.version)
        const stays = same?.release === release && sameWishes(same.wishes, wishes)
        return [release.version, stays ? same : new BoardRelease(project, release, wishes)]
      })
    )
  }

  #refreshVersions(project: ProjectName, versions: ReadonlySet<string>): void {
    if (this.#parts.pages.missing(project) !== undefined) {
      this.#parts.needPage(project)
      return
    }
    const releases = this.#projects.get(project)
    const others = this.batches.refresh(project)
    for (const version of versions) {
      const of = releases?.get(version)
      if (of !== undefined) this.#tellChanged(this.#judge(of))
    }
    this.#judgeAll([...others, ...(others.length > 0 ? [project] : [])])
  }

  /** Their batch came to another round. */
  #judgeAll(projects: readonly ProjectName[]): void {
    for (const project of projects)
      for (const of of this.#projects.get(project)?.values() ?? []) this.#tellChanged(this.#judge(of))
  }

  /** Judges a release's cells anew; the cells whose state is another now. */
  #judge(of: BoardRelease, before = of.cells): readonly BoardCell[] {
    const { state } = this.#parts
    const judged = cascade({
      release: of.release,
      targets: this.#targetsOf(of.wishes),
      outcomes: outcomesOf(state, of.project, of.release, (record) => this.batches.isForgiven(record)),
      skipReason: state.wishes.skipReason(of.project, of.release.version),
      offers: (target) => state.nodes.offers(target)
    })
    const cells = cellsOf(of, judged, before)
    for (const cell of before) if (!cells.includes(cell)) this.#queue(cell.target.id).remove(cell)
    of.cells = cells
    if (cells.some(({ looksAtOffers }) => looksAtOffers)) this.#needy.add(of)
    else this.#needy.delete(of)
    return cells.filter((cell) => {
      const known = before.find(({ target }) => target.id === cell.target.id)
      return known !== cell && this.#enqueue(cell, known)
    })
  }

  /** Takes a release off the board, unless `now` has another of its version: that one takes over its cells. */
  #drop(of: BoardRelease, now: ProjectJobs): void {
    this.#needy.delete(of)
    if (now.has(of.release.version)) return
    for (const cell of of.cells) {
      this.#queue(cell.target.id).remove(cell)
      if (cell.failures > 0) this.#failedAtMs.delete(cell.id)
    }
  }

  /** True when its state is another than before. */
  #enqueue(cell: BoardCell, before: BoardCell | undefined): boolean {
    this.#noteFailure(cell, before)
    if (cell.isUnfinished) this.#queue(cell.target.id).add(cell, cell.waitsFor, this.#wakeMs(cell))
    return before === undefined || !sameState(before.state, cell.state)
  }

  #noteFailure(cell: BoardCell, before: BoardCell | undefined): void {
    const known = before?.failures ?? 0
    if (cell.failures > known) this.#failedAtMs.set(cell.id, this.#parts.clock.monotonicMs())
    else if (cell.failures === 0 && known > 0) this.#failedAtMs.delete(cell.id)
  }

  #wakeMs(cell: BoardCell): number {
    if (cell.failures === 0) return 0
    return (this.#failedAtMs.get(cell.id) ?? 0) + backOffMs(cell.failures)
  }

  #targetsOf(wishes: readonly Wish[]): readonly Target[] {
    const all = this.#parts.state.nodes.targets()
    if (wishes.every(({ targets }) => targets.length === 0)) return all
    const found = new Set<Target>(wishes.some(({ targets }) => targets.length === 0) ? all : [])
    const ids = new Set([...found].map(({ id }) => id))
    for (const { targets } of wishes) for (const id of targets) ids.add(id)
    return [...ids].map((id) => this.#target(id))
  }

  /** One object for each target, so that what is worked out about it once need not be again. */
  #target(id: TargetId): Target {
    const known = this.#targets.get(id) ?? this.#parts.state.nodes.targets().find((one) => one.id === id)
    const target = known ?? parseTarget(id)
    this.#targets.set(id, target)
    return target
  }

  #queue(target: TargetId): JobQueue {
    const known = this.#queues.get(target)
    if (known !== undefined) return known
    const queue = new JobQueue()
    this.#queues.set(target, queue)
    return queue
  }

  #cell(job: JobId): BoardCell | undefined {
    const at = job.lastIndexOf('@')
    const equals = job.indexOf('==')
    const release = this.#projects.get(job.slice(0, equals) as ProjectName)?.get(job.slice(equals + 2, at))
    return release?.cells.find(({ target }) => target.id === job.slice(at + 1))
  }

  #tellChanged(cells: readonly BoardCell[]): void {
    if (cells.length === 0 || this.#listeners.length === 0) return
    const rows = cells.map((cell) => cell.row())
    for (const listener of this.#listeners) listener(rows)
  }
}

/** Open, or waiting for its turn. */
export function isUnfinished({ state }: JobRow): boolean {
  return state.kind === 'open' || state.kind === 'waiting'
}

function sameWishes(a: readonly Wish[], b: readonly Wish[]): boolean {
  return a.length === b.length && a.every((wish, index) => wish === b[index])
}
