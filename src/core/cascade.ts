import { MAX_TRANSIENT_ATTEMPTS } from './limits.ts'
import { requiresPythonAllows, type Release } from './releases.ts'
import type { JobId, Sha256, TargetId } from './ids.ts'
import type { Failure, ResultRecord, WheelRef } from './record.ts'
import { compareTargets, libcVersionOf, parseTarget, type Target } from './target.ts'
import { classifyWheel, wheelFitsTarget } from './wheel-tags.ts'
import { parseWheelName } from './wheel-name.ts'

/** A result of one release, as the cascade looks at it. */
export interface Outcome {
  readonly target: Target
  readonly job: JobId
  readonly wheel?: WheelRef
  readonly failure?: Failure
}

export interface CascadeInput {
  readonly release: Release
  /** Targets that somebody wants this release for, in any order. */
  readonly targets: readonly Target[]
  readonly outcomes: readonly Outcome[]
  /** Why nobody shall build it; undefined: no reason. */
  readonly skipReason: string | undefined
}

export type CellState =
  /** May be built now. `failures`: transient ones so far, for the back-off. */
  | { readonly kind: 'open'; readonly failures: number; readonly last?: Failure }
  /** Its turn comes after a lower target's. */
  | { readonly kind: 'waiting'; readonly on: TargetId }
  /** A wheel of the mesh fits; `job` made it. */
  | { readonly kind: 'built'; readonly job: JobId; readonly wheel: WheelRef }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly attempts: number }
  /** Upstream ships a wheel that fits. */
  | { readonly kind: 'upstream'; readonly filename: string }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'excluded'; readonly reason: string }

export interface Cell {
  readonly target: Target
  readonly state: CellState
}

/**
 * What is left to do for one release on each target: a pure function of upstream's page and the results. Targets are offered
 * from the lowest; a pure wheel ends the matter for all, a compiled one opens all at once, a failure passes the turn on.
 * docs/protocol/queue.md
 */
export function cascade(input: CascadeInput): readonly Cell[] {
  const cells = [...input.targets]
    .sort(compareTargets)
    .map((target) => ({ target, state: judge(target, input) }))
  if (provesCompiled(input)) return cells
  const first = cells.find(({ state }) => state.kind === 'open')
  if (first === undefined) return cells
  return cells.map((cell) =>
    cell === first || cell.state.kind !== 'open'
      ? cell
      : { target: cell.target, state: { kind: 'waiting', on: first.target.id } }
  )
}

function judge(target: Target, { release, outcomes, skipReason }: CascadeInput): CellState {
  if (skipReason !== undefined) return { kind: 'skipped', reason: skipReason }
  const shipped = release.wheels.find(({ tags, yanked }) => !yanked && wheelFitsTarget(tags, target))
  if (shipped !== undefined) return { kind: 'upstream', filename: shipped.filename }
  const fitting = outcomes.find((outcome) => outcome.wheel !== undefined && wheelServes(outcome, target))
  if (fitting?.wheel !== undefined) return { kind: 'built', job: fitting.job, wheel: fitting.wheel }
  if (release.sdist === undefined)
    return { kind: 'excluded', reason: 'upstream has no source archive with a digest' }
  if (!requiresPythonAllows(release.requiresPython, target)) {
    return { kind: 'excluded', reason: `needs Python ${release.requiresPython}` }
  }
  return judgeFailures(
    outcomes.filter((outcome) => outcome.target.id === target.id && outcome.failure !== undefined)
  )
}

function judgeFailures(failed: readonly Outcome[]): CellState {
  const last = failed.at(-1)?.failure
  if (last === undefined) return { kind: 'open', failures: 0 }
  const curable = last.class === 'transient' || last.class === 'infra'
  const transient = failed.filter(({ failure }) => failure?.class === 'transient').length
  if (curable && transient < MAX_TRANSIENT_ATTEMPTS) return { kind: 'open', failures: failed.length, last }
  return { kind: 'failed', failure: last, attempts: failed.length }
}

/** A wheel built for one target serves another when its tags fit and its libc is no newer. */
function wheelServes({ target: builtFor, wheel }: Outcome, target: Target): boolean {
  const name = wheel === undefined ? undefined : parseWheelName(wheel.filename)
  if (name === undefined || !wheelFitsTarget(name.tags, target)) return false
  return classifyWheel(name.tags) === 'pure' || !isNewerLibc(builtFor, target)
}

function isNewerLibc(a: Target, b: Target): boolean {
  const [aMajor, aMinor] = libcVersionOf(a)
  const [bMajor, bMinor] = libcVersionOf(b)
  return aMajor !== bMajor ? aMajor > bMajor : aMinor > bMinor
}

/** Upstream's other wheels or one of ours show that this release has compiled code. */
function provesCompiled({ release, outcomes }: CascadeInput): boolean {
  const tagSets = [
    ...release.wheels.map(({ tags }) => tags),
    ...outcomes.map(({ wheel }) => (wheel === undefined ? undefined : parseWheelName(wheel.filename)?.tags))
  ]
  return tagSets.some((tags) => tags !== undefined && classifyWheel(tags) === 'compiled')
}

/** A retracted wheel is a failure: building it again would give the same bytes again. */
const RETRACTED: Failure = { class: 'package', cause: 'retracted', reason: 'its wheel was retracted' }

/** The outcome that a result record tells. Outcomes are to be in the order of their fences: the last failure counts. */
export function outcomeOf(record: ResultRecord, target: TargetId, retracted: ReadonlySet<Sha256>): Outcome {
  const base = { target: parseTarget(target), job: record.job }
  if (record.wheel !== undefined && retracted.has(record.wheel.sha256)) return { ...base, failure: RETRACTED }
  return {
    ...base,
    ...(record.wheel === undefined ? {} : { wheel: record.wheel }),
    ...(record.failure === undefined ? {} : { failure: record.failure })
  }
}
