import type { NodeId } from '../core/ids.ts'
import type { Clock } from '../core/ports.ts'
import { builtReason } from '../core/wheel-remarks.ts'
import type { JobStateView, JobView } from '../http/api-types.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { ResultFact } from '../ledger/results.ts'
import type { Coordination } from '../scheduler/coordination.ts'
import { buildersOf } from '../scheduler/builders-of.ts'
import type { JobBoard, JobRow } from '../scheduler/job-board.ts'

export interface JobViewParts {
  readonly state: MeshState
  readonly board: JobBoard
  readonly coordination: Coordination
  readonly clock: Clock
}

/** Jobs as people see them: what the ledger says, and what is going on right now. */
export class JobViews {
  readonly #parts: JobViewParts

  constructor(parts: JobViewParts) {
    this.#parts = parts
  }

  view(row: JobRow): JobView {
    const facts = this.#parts.state.results.ofJob(row.id)
    const working = row.state.kind === 'open' ? this.#working(row) : undefined
    return {
      id: row.id,
      project: row.project,
      version: row.version,
      target: row.target,
      attempts: facts.length,
      builds: facts.length,
      ...(working ?? { ...this.#standing(row), ...whatCame(facts.at(-1)) }),
      ...(row.state.kind === 'failed' ? { failure: row.state.failure } : {}),
      ...(row.state.kind === 'built' ? { wheel: row.state.wheel } : {}),
      ...this.#log(row)
    }
  }

  /** Who works on the job now: its claim says so, or the builder itself, whose claim only its coordinator sees renewed. */
  #working({
    id
  }: JobRow): Pick<JobView, 'state' | 'reason' | 'builder' | 'phase' | 'elapsedMs'> | undefined {
    const { coordination, clock } = this.#parts
    const nowMs = clock.monotonicMs()
    const builder = coordination.claimOn(id)?.note.builder ?? coordination.presence.whoRuns(id, nowMs)
    if (builder === undefined) return undefined
    const sighting = coordination.presence.get(builder)
    const told = sighting?.presence.running.find(({ job }) => job === id)
    const building = { state: 'building', reason: '', builder } as const
    if (sighting === undefined || told === undefined) return building
    return {
      ...building,
      phase: told.phase,
      elapsedMs: Math.round(told.elapsedMs + nowMs - sighting.heardMs)
    }
  }

  #standing({ id, state, target }: JobRow): { readonly state: JobStateView; readonly reason: string } {
    switch (state.kind) {
      case 'open':
        return this.#open({ id, target }, state.last?.reason)
      case 'waiting':
        return { state: 'waiting', reason: `its turn comes after ${state.on}` }
      case 'built':
        return { state: 'built', reason: builtReason(state.wheel) }
      case 'failed':
        return { state: 'failed', reason: state.failure.reason }
      case 'upstream':
        return { state: 'upstream', reason: `upstream ships ${state.filename}` }
      case 'skipped':
        return { state: 'skipped', reason: state.reason }
      case 'excluded':
        return { state: 'excluded', reason: state.reason }
    }
  }

  #open(
    { id, target }: Pick<JobRow, 'id' | 'target'>,
    lastReason: string | undefined
  ): { readonly state: JobStateView; readonly reason: string } {
    const builders = buildersOf(this.#parts.state, target)
    if (builders.length === 0) return { state: 'waiting', reason: `no node of the mesh builds for ${target}` }
    const paused = this.#whyAllPause(builders)
    if (paused !== undefined) return { state: 'waiting', reason: `its builders are paused: ${paused}` }
    if (lastReason !== undefined) return { state: 'waiting', reason: `again after a pause: ${lastReason}` }
    const { board, clock } = this.#parts
    if (!board.batches.mayStart(id, clock.monotonicMs()))
      return { state: 'waiting', reason: 'its batch is still gathering' }
    const pass = board.batches.passOf(id)
    const { lost, results } = this.#parts.state
    if (results.ofJob(id).some(({ record }) => lost.isResultLost(record)))
      return { state: 'queued', reason: 'no member has its wheel any more: it is built again' }
    if (pass > 1) return { state: 'queued', reason: `its batch builds it once more, for the ${pass}. time` }
    return { state: 'queued', reason: 'the next free builder takes it' }
  }

  /** What the first of them says, if all builders that are here begin nothing for now. */
  #whyAllPause(builders: readonly NodeId[]): string | undefined {
    const { coordination, clock } = this.#parts
    const { presence } = coordination
    const here = builders.filter((node) => presence.isPresent(node, clock.monotonicMs()))
    const [first] = here
    if (first === undefined || !here.every((node) => presence.isPaused(node))) return undefined
    return presence.get(first)?.presence.paused?.reason
  }

  #log({ id, state }: JobRow): { readonly log?: string } {
    const { results } = this.#parts.state
    const facts = results.ofJob(state.kind === 'built' ? state.job : id)
    const fact =
      state.kind === 'built' ? facts.find(({ record }) => record.wheel !== undefined) : facts.at(-1)
    return fact === undefined ? {} : { log: fact.record.log.sha256 }
  }
}

function whatCame(last: ResultFact | undefined): Pick<JobView, 'builder' | 'elapsedMs'> {
  return last === undefined ? {} : { builder: last.author, elapsedMs: last.record.durationMs }
}
