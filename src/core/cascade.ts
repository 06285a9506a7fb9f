import type { Offer } from './capacity.ts'
import { requiresPythonAllows, type Release } from './releases.ts'
import type { JobId, NodeId, Sha256, TargetId } from './ids.ts'
import type { BuildLimits, Failure, ResultRecord, WheelRef } from './record.ts'
import { judgeAttempts, type Attempt, type FailedState, type OpenState } from './retry.ts'
import { compareTargets, libcFamilyOf, libcVersionOf, type Target } from './target.ts'
import { classifyWheel, wheelFitsTarget, type WheelReach } from './wheel-tags.ts'
import { parseWheelName } from './wheel-name.ts'

/** A result of one release, as the cascade looks at it. */
export interface Outcome {
  readonly target: Target
  readonly job: JobId
  readonly wheel?: WheelRef
  readonly failure?: Failure
  readonly limits?: BuildLimits
  readonly builder?: NodeId
}

export interface CascadeInput {
  readonly release: Release
  /** Targets that somebody wants this release for, in any order. */
  readonly targets: readonly Target[]
  readonly outcomes: readonly Outcome[]
  /** Why nobody shall build it; undefined: no reason. */
  readonly skipReason: string | undefined
  /** What the nodes have that build for a target. */
  offers(target: TargetId): readonly Offer[]
}

export type CellState =
  | OpenState
  /** Its turn comes after a lower target's. */
  | { readonly kind: 'waiting'; readonly on: TargetId }
  /** A wheel of the mesh fits; `job` made it. */
  | { readonly kind: 'built'; readonly job: JobId; readonly wheel: WheelRef }
  | FailedState
  /** Upstream ships a wheel that fits. */
  | { readonly kind: 'upstream'; readonly filename: string }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'excluded'; readonly reason: string }

export interface Cell {
  readonly target: Target
  readonly state: CellState
}

/**
 * What is left to do for one release on each target: a pure function of upstream's page, the results and what nodes offer. Targets are
 * offered from the lowest; a pure wheel ends the matter for all, a compiled one opens all at once, one that is bound to its
 * platform opens the lowest target of each platform, a failure passes the turn on. docs/protocol/queue.md
 */
export function cascade(input: CascadeInput): readonly Cell[] {
  const cells = [...input.targets]
    .sort(compareTargets)
    .map((target) => ({ target, state: judge(target, input) }))
  const reach = provenReach(input)
  if (reach === 'compiled' || !cells.some(({ state }) => state.kind === 'open')) return cells
  return inTurn(
    cells,
    reach === 'platform' ? (target) => `${target.platform} ${libcFamilyOf(target)}` : () => ''
  )
}

/** One target of each line has the turn. A cell that waits for a node with more of something holds up nobody. */
function inTurn(cells: readonly Cell[], lineOf: (target: Target) => string): readonly Cell[] {
  const waiting = new Map<string, CellState>()
  return cells.map((cell) => {
    if (!takesTurn(cell.state)) return cell
    const line = lineOf(cell.target)
    const state = waiting.get(line)
    if (state !== undefined) return { target: cell.target, state }
    waiting.set(line, { kind: 'waiting', on: cell.target.id })
    return cell
  })
}

function takesTurn(state: CellState): boolean {
  return state.kind === 'open' && state.needs === undefined
}

function judge(target: Target, input: CascadeInput): CellState {
  const { release, outcomes, skipReason } = input
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
  const own = outcomes.filter((outcome) => outcome.target.id === target.id)
  return judgeAttempts(own.map(attemptOf), () => input.offers(target.id))
}

/** Nothing serves the target, so every outcome on it failed; also one with a wheel, which then does not fit what it was built for. */
function attemptOf({ wheel, failure, limits, builder }: Outcome): Attempt {
  const name = wheel?.filename ?? ''
  const unfit = {
    class: 'package',
    cause: 'unfit-wheel',
    reason: `its wheel ${name} does not fit the target`
  } as const
  return { failure: failure ?? unfit, limits, builder }
}

/** A wheel built for one target serves another when its tags fit and its libc is no newer. */
function wheelServes({ target: builtFor, wheel }: Outcome, target: Target): boolean {
  const name = wheel === undefined ? undefined : parseWheelName(wheel.filename)
  if (name === undefined || !wheelFitsTarget(name.tags, target)) return false
  return classifyWheel(name.tags) === 'pure' || runsWithLibc(builtFor, target)
}

/** What was linked against a C library runs with a newer one of the same family. */
function runsWithLibc(builtFor: Target, target: Target): boolean {
  if (libcFamilyOf(builtFor) !== libcFamilyOf(target)) return false
  const [major, minor] = libcVersionOf(builtFor)
  const [ownMajor, ownMinor] = libcVersionOf(target)
  return major !== ownMajor ? major < ownMajor : minor <= ownMinor
}

/** What upstream's other wheels and ours show of this release: bound to one Python, or to a platform; undefined: nothing yet. */
function provenReach({ release, outcomes }: CascadeInput): 'compiled' | 'platform' | undefined {
  const reaches = new Set([
    ...release.wheels.map(({ tags }) => classifyWheel(tags)),
    ...outcomes.map(({ wheel }) => reachOf(wheel))
  ])
  if (reaches.has('compiled')) return 'compiled'
  return reaches.has('abi3') || reaches.has('platform') ? 'platform' : undefined
}

function reachOf(wheel: WheelRef | undefined): WheelReach | undefined {
  const name = wheel === undefined ? undefined : parseWheelName(wheel.filename)
  return name && classifyWheel(name.tags)
}

/** A retracted wheel is a failure: building it again would give the same bytes again. */
const RETRACTED: Failure = { class: 'package', cause: 'retracted', reason: 'its wheel was retracted' }

/** The outcome that a result record tells. Outcomes are to be in the order of their fences: the last failure counts. */
export function outcomeOf(
  record: ResultRecord,
  { target, builder, retracted }: { target: Target; builder: NodeId; retracted: ReadonlySet<Sha256> }
): Outcome {
  const { job, wheel, failure, limits } = record
  const base = { target, job, builder, ...(limits && { limits }) }
  if (wheel !== undefined && retracted.has(wheel.sha256)) return { ...base, failure: RETRACTED }
  return { ...base, ...(wheel && { wheel }), ...(failure && { failure }) }
}
