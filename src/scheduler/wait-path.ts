import type { Cell } from '../core/cascade.ts'
import type { TargetId } from '../core/ids.ts'

/**
 * The targets that a job waits for, in the cascade's order. Equal paths are one object: a million waiting jobs have a handful of
 * them between them, and are told apart by them at no cost.
 */
export class WaitPath {
  /** Of a job that waits for nothing. */
  static readonly nothing = new WaitPath([])
  readonly targets: readonly TargetId[]
  readonly #longer = new Map<TargetId, WaitPath>()

  private constructor(targets: readonly TargetId[]) {
    this.targets = targets
  }

  /** This one, and a target more. */
  with(target: TargetId): WaitPath {
    const known = this.#longer.get(target)
    if (known !== undefined) return known
    const longer = new WaitPath([...this.targets, target])
    this.#longer.set(target, longer)
    return longer
  }
}

/**
 * What each cell of a release waits for: the one that has the turn, and those that have it before this one. While nobody serves any
 * of these targets, it need not wait.
 */
export function waitPathsOf(cells: readonly Cell[]): readonly WaitPath[] {
  const lines = new Map<TargetId, WaitPath>()
  return cells.map(({ target, state }) => {
    if (state.kind !== 'waiting') return WaitPath.nothing
    const path = lines.get(state.on) ?? WaitPath.nothing.with(state.on)
    lines.set(state.on, path.with(target.id))
    return path
  })
}
