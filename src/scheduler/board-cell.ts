import type { Cell, CellState } from '../core/cascade.ts'
import { hash32 } from '../core/digest.ts'
import type { JobId, ProjectName, TargetId } from '../core/ids.ts'
import { jobId } from '../core/job.ts'
import { MAX_SLICES } from '../core/limits.ts'
import { urgencyOf, type QueuePlace, type Urgency } from '../core/queue-order.ts'
import type { Release, ReleaseSdist } from '../core/releases.ts'
import type { Target } from '../core/target.ts'
import type { Wish } from '../ledger/wishes.ts'
import type { Queued } from './job-queue.ts'
import { WaitPath, waitPathsOf } from './wait-path.ts'

/** One job as the ledger tells it: claims are not in here. */
export interface JobRow {
  readonly id: JobId
  readonly project: ProjectName
  readonly version: string
  readonly target: TargetId
  readonly state: CellState
  readonly sdist: ReleaseSdist | undefined
  /** Which time its batch builds it; absent: the first, or no batch does. */
  readonly pass?: number
  /** Wants that ask for it. */
  readonly wantIds: readonly string[]
  /** For compareQueuePlaces. */
  readonly place: QueuePlace
}

/** Who asks for a cell. All cells of a release that the same wishes ask for share one. */
interface Asking extends Urgency {
  readonly wantIds: readonly string[]
}

/** A release on the board: what is wanted of it, and its cells in the cascade's order. */
export class BoardRelease {
  readonly project: ProjectName
  readonly release: Release
  readonly wishes: readonly Wish[]
  /** Of {@link MAX_SLICES}. */
  readonly slice: number
  cells: readonly BoardCell[] = []

  constructor(project: ProjectName, release: Release, wishes: readonly Wish[]) {
    this.project = project
    this.release = release
    this.wishes = wishes
    this.slice = hash32(`${project}==${release.version}`) % MAX_SLICES
  }
}

/** One cell on the board. A mesh may have a million of them: no text is kept that can be made from what is here. */
export class BoardCell implements Queued {
  readonly of: BoardRelease
  readonly target: Target
  readonly state: CellState
  readonly urgency: Asking
  readonly position: number
  readonly waitsFor: WaitPath
  queuedIn: Queued['queuedIn']
  /** Made when first asked for: most jobs are never near the head of the queue. */
  #id: JobId | undefined

  constructor(of: BoardRelease, cell: Cell, place: Pick<BoardCell, 'urgency' | 'position' | 'waitsFor'>) {
    this.of = of
    this.target = cell.target
    this.state = cell.state
    this.urgency = place.urgency
    this.position = place.position
    this.waitsFor = place.waitsFor
    this.queuedIn = undefined
    this.#id = undefined
  }

  get id(): JobId {
    return (this.#id ??= jobId(this.of.project, this.of.release.version, this.target.id))
  }

  get project(): ProjectName {
    return this.of.project
  }

  get version(): string {
    return this.of.release.version
  }

  get slice(): number {
    return this.of.slice
  }

  /** Failures to wait for before the next try. */
  get failures(): number {
    return this.state.kind === 'open' ? this.state.failures : 0
  }

  get isUnfinished(): boolean {
    return this.state.kind === 'open' || this.state.kind === 'waiting'
  }

  /** What nodes offer has a say in its state. */
  get looksAtOffers(): boolean {
    const { state } = this
    if (state.kind === 'open') return state.needs !== undefined
    return state.kind === 'failed' && ['resource', 'missing-dependency'].includes(state.failure.class)
  }

  row(): JobRow {
    const { id, project, version, state, of, urgency } = this
    const { sdist } = of.release
    return {
      id,
      project,
      version,
      target: this.target.id,
      state,
      sdist,
      wantIds: urgency.wantIds,
      place: this
    }
  }
}

/** The cells of a release as the cascade judged them; those of `before` where nothing changed, so that they stay in their queue. */
export function cellsOf(
  of: BoardRelease,
  judged: readonly Cell[],
  before: readonly BoardCell[]
): readonly BoardCell[] {
  const askings = new Askings(of, before)
  const paths = waitPathsOf(judged)
  return judged.map((cell, position) => {
    const place = {
      urgency: askings.of(cell.target.id),
      position,
      waitsFor: paths[position] ?? WaitPath.nothing
    }
    const known = before.find(({ target }) => target.id === cell.target.id)
    return known !== undefined && isSame(known, of, { cell, place }) ? known : new BoardCell(of, cell, place)
  })
}

function isSame(
  known: BoardCell,
  of: BoardRelease,
  {
    cell,
    place
  }: { readonly cell: Cell; readonly place: Pick<BoardCell, 'urgency' | 'position' | 'waitsFor'> }
): boolean {
  return (
    known.of === of &&
    known.position === place.position &&
    known.waitsFor === place.waitsFor &&
    sameAsking(known.urgency, place.urgency) &&
    sameState(known.state, cell.state)
  )
}

/** Who asks for the targets of a release, each different answer kept once. */
class Askings {
  readonly #of: BoardRelease
  readonly #known: Asking[]
  /** Nearly always nobody names targets: then one answer holds for all. */
  readonly #forAll: Asking | undefined

  constructor(of: BoardRelease, before: readonly BoardCell[]) {
    this.#of = of
    this.#known = before.slice(0, 1).map(({ urgency }) => urgency)
    if (of.wishes.every(({ targets }) => targets.length === 0)) this.#forAll = this.#make(of.wishes)
  }

  of(target: TargetId): Asking {
    return this.#forAll ?? this.#make(this.#of.wishes.filter(({ targets }) => asksFor(targets, target)))
  }

  #make(asking: readonly Wish[]): Asking {
    const { release } = this.#of
    const made = {
      ...urgencyOf(asking, release.yanked || release.prerelease),
      wantIds: [...new Set(asking.map(({ wantId }) => wantId))]
    }
    const known = this.#known.find((one) => sameAsking(one, made))
    if (known === undefined) this.#known.push(made)
    return known ?? made
  }
}

function asksFor(targets: readonly TargetId[], target: TargetId): boolean {
  return targets.length === 0 || targets.includes(target)
}

function sameAsking(a: Asking, b: Asking): boolean {
  return a === b || (a.rank === b.rank && a.sinceMs === b.sinceMs && sameList(a.wantIds, b.wantIds))
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]))
}

export function sameState(a: CellState, b: CellState): boolean {
  if (a === b) return true
  if (a.kind !== b.kind) return false
  if (a.kind === 'waiting' && b.kind === 'waiting') return a.on === b.on
  return JSON.stringify(a) === JSON.stringify(b)
}
