import { roundsOf, type Batch, type RoundCell, type Rounds } from '../core/batch.ts'
import type { JobId, ProjectName, TargetId } from '../core/ids.ts'
import { BATCH_QUIET_MS } from '../core/limits.ts'
import type { Clock } from '../core/ports.ts'
import type { ResultRecord } from '../core/record.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { PageBook } from '../ledger/page-book.ts'
import { finishedMs } from '../ledger/results.ts'
import { batchCells, type BatchCell } from './batch-cells.ts'

export interface BatchBookParts {
  readonly state: MeshState
  readonly pages: Pick<PageBook, 'releases'>
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** How far a batch is, on all its targets together. */
export interface BatchStanding {
  readonly id: string
  readonly round: number
  /** `stopped`: the same cells failed twice in a row; `done`: nothing is left that failed. */
  readonly state: 'gathering' | 'building' | 'stopped' | 'done'
  /** Jobs that failed and are not built since. */
  readonly failing: readonly JobId[]
}

/** What a batch comes to, on each of its targets. */
interface Course {
  /** Wants that made up the batch. */
  readonly wants: number
  readonly rounds: ReadonlyMap<TargetId, Rounds>
  readonly ended: boolean
  readonly failing: readonly JobId[]
  /** Changes when the jobs of the batch may. */
  readonly mark: string
}

const NOTHING: readonly ProjectName[] = []
const FIRST_ROUND: Rounds = { round: 1, ended: false }

/**
 * Batches and how far they are: a pure function of wants, pages and results, kept up to date project by project; except for the
 * quiet time before a batch starts, which is this node's own. docs/protocol/queue.md#batches
 */
export class BatchBook {
  readonly #parts: BatchBookParts
  readonly #byProject = new Map<ProjectName, ReadonlyMap<JobId, BatchCell>>()
  readonly #courses = new Map<string, Course>()
  /** Wants of batches that ask for a project, or did. */
  readonly #wantsOf = new Map<ProjectName, Set<string>>()
  #grouped: readonly Batch[] = []
  /** When this node learned of a want. */
  readonly #learnedMs = new Map<string, number>()
  /** No batch gathers after this. */
  #allQuietMs = 0

  constructor(parts: BatchBookParts) {
    this.#parts = parts
  }

  /** Looks at a project anew; tells which other projects' jobs changed by it. To be called when its page is here, or it has none. */
  refresh(project: ProjectName): readonly ProjectName[] {
    const isAsked = this.learn(project)
    const named = this.#wantsOf.get(project)
    const due = this.#regrouped()
    if (named !== undefined) {
      this.#note(project, isAsked)
      for (const wantId of named) due.add(this.#parts.state.wishes.batches.of(wantId)?.id ?? '')
    }
    if (due.size === 0) return NOTHING
    const changed = this.#follow(due)
    changed.delete(project)
    return [...changed]
  }

  /** Whether a batch asks for a project. Its quiet time begins when this node learns of it, also before the page is here. */
  learn(project: ProjectName): boolean {
    const { wishes } = this.#parts.state
    let isAsked = false
    for (const { wantId } of wishes.forProject(project)) {
      if (wishes.batches.of(wantId) === undefined) continue
      isAsked = true
      const named = this.#wantsOf.get(project) ?? new Set()
      this.#wantsOf.set(project, named.add(wantId))
      if (this.#learnedMs.has(wantId)) continue
      const nowMs = this.#parts.clock.monotonicMs()
      this.#learnedMs.set(wantId, nowMs)
      this.#allQuietMs = nowMs + BATCH_QUIET_MS
    }
    return isAsked
  }

  /** A failure that a later round of its batch builds again. */
  isForgiven(record: ResultRecord): boolean {
    const cell = this.#cell(record.job)
    if (cell === undefined || (record.failure === undefined && cell.ended)) return false
    const forgiven = cell.failedPasses[this.#passOf(cell) - 2]
    return forgiven !== undefined && (record.pass ?? 1) <= forgiven
  }

  /** Which time a job is built, from 1. */
  passOf(job: JobId): number {
    const cell = this.#cell(job)
    return cell === undefined ? 1 : this.#passOf(cell)
  }

  /** A job that only batches ask for is offered when one of them has gathered. */
  mayStart(job: JobId, nowMs: number): boolean {
    if (nowMs >= this.#allQuietMs) return true
    const cell = this.#cell(job)
    return cell?.isForBatches !== true || this.#batchesOf(cell).some((batch) => nowMs >= this.#quietMs(batch))
  }

  /**
   * A wheel that waits for the rest of its batch, or is another one's with other tags that does. What was built before its batch was
   * asked for is out already.
   */
  isStaged(record: ResultRecord): boolean {
    const jobs = record.builtAs === undefined ? [record.job] : [record.job, record.builtAs]
    return jobs.some((job) => this.#isStagedAs(job, record))
  }

  #isStagedAs(job: JobId, record: ResultRecord): boolean {
    const cell = this.#cell(job)
    if (cell?.isAtomic !== true) return false
    return this.#batchesOf(cell).every(
      ({ id, startMs }) => this.#courses.get(id)?.ended !== true && finishedMs(record) > startMs
    )
  }

  /** Some atomic batch asks for the job: its build may use what the index does not list yet. */
  usesStaged(job: JobId): boolean {
    const cell = this.#cell(job)
    return cell !== undefined && this.#batchesOf(cell).some(({ atomic }) => atomic)
  }

  standing(wantId: string): BatchStanding | undefined {
    const batch = this.#parts.state.wishes.batches.of(wantId)
    if (batch === undefined) return undefined
    const { rounds, ended, failing } = this.#courses.get(batch.id) ?? this.#course(batch)
    const all = [...rounds.values()]
    const running = all.filter((one) => !one.ended)
    const round = Math.max(1, ...(running.length > 0 ? running : all).map((one) => one.round))
    const isQuiet = this.#parts.clock.monotonicMs() >= this.#quietMs(batch)
    const going = isQuiet ? 'building' : 'gathering'
    const over = failing.length > 0 ? 'stopped' : 'done'
    return { id: batch.id, round, state: ended ? over : going, failing }
  }

  #cell(job: JobId): BatchCell | undefined {
    if (this.#byProject.size === 0) return undefined
    return this.#byProject.get(job.slice(0, job.indexOf('==')) as ProjectName)?.get(job)
  }

  #note(project: ProjectName, isAsked: boolean): void {
    const { state, pages } = this.#parts
    const known = pages.releases(project)
    const newest = state.observations.newest(project)
    const isAbsent = newest !== undefined && newest.record.page === undefined
    if (!isAsked) this.#byProject.delete(project)
    else if (known !== undefined || isAbsent) {
      const cells = batchCells(state, project, known?.releases ?? [])
      this.#byProject.set(project, new Map(cells.map((cell) => [cell.job, cell])))
    }
  }

  /** Batches that a new want joined, made or brought together. */
  #regrouped(): Set<string> {
    const grouped = this.#parts.state.wishes.batches.all()
    if (grouped === this.#grouped) return new Set()
    this.#grouped = grouped
    return new Set(
      grouped.filter(({ id, wantIds }) => this.#courses.get(id)?.wants !== wantIds.length).map(({ id }) => id)
    )
  }

  /** Judges batches anew, oldest first, and with them the later ones that wait for the same jobs. */
  #follow(due: Set<string>): Set<ProjectName> {
    const changed = new Set<ProjectName>()
    for (const batch of this.#parts.state.wishes.batches.all()) {
      if (!due.has(batch.id)) continue
      const before = this.#courses.get(batch.id)?.mark
      const course = this.#course(batch)
      this.#courses.set(batch.id, course)
      if (course.mark === before) continue
      for (const project of this.#projectsOf(batch)) {
        changed.add(project)
        for (const cell of this.#byProject.get(project)?.values() ?? [])
          for (const { id } of this.#batchesOf(cell)) due.add(id)
      }
    }
    return changed
  }

  #course(batch: Batch): Course {
    const { wishes } = this.#parts.state
    const projects = [...this.#projectsOf(batch)]
    const isKnown = projects.every((project) => this.#byProject.has(project))
    const cells = projects.flatMap((project) => this.#cellsIn(batch, project))
    const targets = new Set(batch.wantIds.flatMap((id) => wishes.want(id)?.targets ?? []))
    const rounds = new Map(
      [...targets].map((target) => [
        target,
        isKnown ? roundsOf(cells.filter((cell) => cell.target === target)) : FIRST_ROUND
      ])
    )
    const marks = [...rounds].map(([target, { round, ended }]) => `${target} ${round} ${String(ended)}`)
    return {
      rounds,
      ended: [...rounds.values()].every((one) => one.ended),
      failing: cells
        .filter(({ failed, ended }) => failed > 0 && !ended)
        .map(({ job }) => job)
        .sort(),
      wants: batch.wantIds.length,
      mark: [batch.wantIds.length, ...marks].join()
    }
  }

  /** The cells of a project that a batch asks for, as its rounds see them. */
  #cellsIn(batch: Batch, project: ProjectName): readonly (RoundCell & Pick<BatchCell, 'job' | 'target'>)[] {
    return [...(this.#byProject.get(project)?.values() ?? [])].flatMap((cell) => {
      const failed = this.#failedIn(batch, cell)
      return failed === undefined ? [] : [{ failed, ended: cell.ended, job: cell.job, target: cell.target }]
    })
  }

  /** Passes of a cell that failed in this batch, after those of earlier batches; undefined: the batch does not ask for it. */
  #failedIn(batch: Batch, cell: BatchCell): number | undefined {
    let earlier = 0
    for (const { id } of this.#batchesOf(cell)) {
      if (id === batch.id) return Math.max(0, cell.failedPasses.length - earlier)
      const { round, ended } = this.#roundsOf(id, cell)
      // Its turn has not come yet.
      earlier = ended ? earlier + round : Infinity
    }
    return undefined
  }

  #passOf(cell: BatchCell): number {
    let pass = 0
    for (const { id } of this.#batchesOf(cell)) {
      const { round, ended } = this.#roundsOf(id, cell)
      pass += round
      if (!ended) break
    }
    return Math.max(1, Math.min(pass, cell.failedPasses.length + 1))
  }

  #roundsOf(batch: string, { target }: BatchCell): Rounds {
    return this.#courses.get(batch)?.rounds.get(target) ?? FIRST_ROUND
  }

  #batchesOf({ wantIds }: BatchCell): readonly Batch[] {
    const { batches } = this.#parts.state.wishes
    return [...new Set(wantIds.flatMap((id) => batches.of(id) ?? []))].sort(
      (a, b) => a.startMs - b.startMs || (a.id < b.id ? -1 : 1)
    )
  }

  /** Projects that the batch still asks for. */
  #projectsOf({ wantIds }: Batch): ReadonlySet<ProjectName> {
    const { wishes } = this.#parts.state
    const ids = new Set(wantIds)
    const named = new Set(wantIds.flatMap((id) => wishes.want(id)?.specs.map(({ project }) => project) ?? []))
    return new Set(
      [...named].filter((project) => wishes.forProject(project).some(({ wantId }) => ids.has(wantId)))
    )
  }

  #quietMs({ wantIds }: Batch): number {
    // A want of which nothing is wanted any more was never learned of, and nobody waits for it.
    const learned = wantIds.map((id) => this.#learnedMs.get(id) ?? 0)
    return Math.max(...learned) + BATCH_QUIET_MS
  }
}
