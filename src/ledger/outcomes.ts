import { outcomeOf, type Outcome } from '../core/cascade.ts'
import { compareFences } from '../core/fence.ts'
import type { ProjectName, TargetId } from '../core/ids.ts'
import type { ResultRecord } from '../core/record.ts'
import type { Release } from '../core/releases.ts'
import { parseTarget } from '../core/target.ts'
import type { MeshState } from './mesh-state.ts'
import type { ResultFact } from './results.ts'

const NONE: readonly never[] = []

/** The results of a release that count for the queue, in the order of their fences. docs/protocol/queue.md#terms */
export function countingResults(
  { results, membership, lost }: Pick<MeshState, 'results' | 'membership' | 'lost'>,
  project: ProjectName,
  release: Release
): readonly ResultFact[] {
  const facts = results.ofRelease(project, release.version)
  if (facts.length === 0) return NONE
  return facts
    .filter(
      ({ author, record }) =>
        membership.levelOf(author) !== undefined &&
        release.sdistDigests.includes(record.sdist.sha256) &&
        !lost.isResultLost(record)
    )
    .sort(compareFacts)
}

/** What they say to the queue; `isForgiven`: failures that a batch builds again. */
export function outcomesOf(
  state: Pick<MeshState, 'results' | 'membership' | 'lost'>,
  project: ProjectName,
  release: Release,
  isForgiven: (record: ResultRecord) => boolean = () => false
): readonly Outcome[] {
  const facts = countingResults(state, project, release)
  if (facts.length === 0) return NONE
  const retracted = state.results.retracted()
  return facts
    .filter(({ record }) => !isForgiven(record))
    .map(({ author, record }) =>
      outcomeOf(record, { target: parseTarget(targetOf(record.job)), builder: author, retracted })
    )
}

function compareFacts(a: ResultFact, b: ResultFact): number {
  return compareFences(a.record.fence, b.record.fence) || (a.recordId < b.recordId ? -1 : 1)
}

function targetOf(job: string): TargetId {
  return job.slice(job.lastIndexOf('@') + 1) as TargetId
}
