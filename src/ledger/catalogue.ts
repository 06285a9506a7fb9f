import type { ProjectName, Sha256 } from '../core/ids.ts'
import { parseJobId } from '../core/job.ts'
import { publish, type Vote } from '../core/publish-rule.ts'
import type { PublishedWheel } from '../core/published.ts'
import type { ResultRecord } from '../core/record.ts'
import type { Release } from '../core/releases.ts'
import type { MeshState } from './mesh-state.ts'
import { finishedMs, type ResultFact } from './results.ts'

/**
 * The wheels of a project that the publish rule lets through, given upstream's releases of it. `isStaged`: results that wait for
 * the rest of an atomic batch; they neither publish nor vote.
 */
export function publishedWheels(
  state: MeshState,
  project: ProjectName,
  releases: readonly Release[],
  isStaged: (record: ResultRecord) => boolean = () => false
): readonly PublishedWheel[] {
  return releases.flatMap((release) => {
    const facts = state.results
      .ofRelease(project, release.version)
      .filter(
        ({ record }) => record.wheel !== undefined && !isStaged(record) && !state.lost.isResultLost(record)
      )
    return publishedOf(state, project, release, facts)
  })
}

function publishedOf(
  state: MeshState,
  project: ProjectName,
  release: Release,
  facts: readonly ResultFact[]
): readonly PublishedWheel[] {
  if (facts.length === 0 || release.sdist === undefined) return []
  const gates = {
    sdists: new Set<Sha256>(release.sdistDigests),
    retracted: state.results.retracted(),
    skipped: state.wishes.skipReason(project, release.version) !== undefined,
    quorum: state.genesis.policy.publishQuorum
  }
  return publish(
    facts.map((fact) => voteOf(state, fact)),
    gates
  ).map(({ vote, wheel, channel }) => ({
    project,
    version: release.version,
    target: parseJobId(vote.record.job).target,
    job: vote.record.job,
    wheel,
    builder: vote.author,
    publishedMs: finishedMs(vote.record),
    durationMs: vote.record.durationMs,
    log: vote.record.log,
    channel
  }))
}

function voteOf(state: MeshState, { author, record, recordId }: ResultFact): Vote {
  return { author, level: state.membership.levelOf(author), record, recordId }
}
