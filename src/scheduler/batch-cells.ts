import { failedPasses, isBatchWant } from '../core/batch.ts'
import { cascade, outcomeOf } from '../core/cascade.ts'
import type { JobId, ProjectName, Sha256, TargetId } from '../core/ids.ts'
import { jobId, parseJobId } from '../core/job.ts'
import type { Failure } from '../core/record.ts'
import type { Release } from '../core/releases.ts'
import { parseTarget, type Target } from '../core/target.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { countingResults } from '../ledger/outcomes.ts'
import type { ResultFact } from '../ledger/results.ts'
import type { Wish } from '../ledger/wishes.ts'
import { wantedReleases } from './wanted-releases.ts'

/** A cell that batches ask for, as the page and the results tell it. */
export interface BatchCell {
  readonly job: JobId
  readonly target: TargetId
  /** Wants of batches that ask for it. */
  readonly wantIds: readonly string[]
  /** No ordinary want asks for it. */
  readonly isForBatches: boolean
  /** Only atomic batches ask for it: its wheels wait for the rest of their batch. */
  readonly isAtomic: boolean
  /** Passes that ended in failure, lowest first. */
  readonly failedPasses: readonly number[]
  /** A wheel fits, or it is skipped or ruled out. */
  readonly ended: boolean
}

/**
 * A batch looks at what was built, not at what became of it: a wheel that is retracted later does not make its batch begin anew.
 */
const NOT_RETRACTED: ReadonlySet<Sha256> = new Set()
const UNFIT: Failure = { class: 'package', cause: 'unfit-wheel', reason: 'its wheel does not fit' }

/** The cells of one project that its batch wishes ask for. */
export function batchCells(
  state: MeshState,
  project: ProjectName,
  releases: readonly Release[]
): readonly BatchCell[] {
  const wishes = state.wishes.forProject(project)
  return wantedReleases(wishes, releases).flatMap(({ release, wishes: asking }) => {
    const ids = new Set(asking.filter(isBatchWant).flatMap(({ targets }) => targets))
    if (ids.size === 0) return []
    return cellsOfRelease(state, project, { release, asking, targets: [...ids].map(parseTarget) })
  })
}

function cellsOfRelease(
  state: MeshState,
  project: ProjectName,
  wanted: { readonly release: Release; readonly asking: readonly Wish[]; readonly targets: readonly Target[] }
): readonly BatchCell[] {
  const { release, asking, targets } = wanted
  const facts = countingResults(state, project, release)
  const natural = cascade({
    release,
    targets,
    outcomes: facts
      .filter(({ record }) => record.wheel !== undefined)
      .map(({ author, record }) =>
        outcomeOf(record, {
          target: parseTarget(parseJobId(record.job).target),
          builder: author,
          retracted: NOT_RETRACTED
        })
      ),
    skipReason: state.wishes.skipReason(project, release.version),
    offers: () => []
  })
  return natural.map(({ target, state: { kind } }) => {
    const job = jobId(project, release.version, target.id)
    const ended = kind === 'built' || kind === 'upstream' || kind === 'skipped' || kind === 'excluded'
    return {
      job,
      target: target.id,
      ended,
      failedPasses: failedPasses(facts.filter(({ record }) => record.job === job).flatMap(failureOf)),
      ...askedBy(asking, target.id)
    }

    function failureOf({ record }: ResultFact): { readonly pass: number; readonly failure: Failure }[] {
      const failure = record.failure ?? (ended ? undefined : UNFIT)
      return failure === undefined ? [] : [{ pass: record.pass ?? 1, failure }]
    }
  })
}

function askedBy(
  wishes: readonly Wish[],
  target: TargetId
): Pick<BatchCell, 'wantIds' | 'isForBatches' | 'isAtomic'> {
  const asking = wishes.filter(({ targets }) => targets.length === 0 || targets.includes(target))
  return {
    wantIds: asking.filter(isBatchWant).map(({ wantId }) => wantId),
    isForBatches: asking.every(isBatchWant),
    isAtomic: asking.every((wish) => isBatchWant(wish) && wish.atomic)
  }
}
