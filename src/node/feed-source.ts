import type { ProjectName, Sha256 } from '../core/ids.ts'
import { parseJobId } from '../core/job.ts'
import type { ResultRecord } from '../core/record.ts'
import type { FeedBuild, FeedSource } from '../http/feed-routes.ts'
import type { BuildBook } from '../http/log-view.ts'
import { publishedWheels } from '../ledger/catalogue.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { PageBook } from '../ledger/page-book.ts'
import { finishedMs, type ResultFact } from '../ledger/results.ts'

export interface FeedSourceParts {
  readonly meshId: string
  readonly state: MeshState
  readonly pages: Pick<PageBook, 'releases'>
  /** Wheels that are not listed yet: they wait for the rest of their batch. */
  readonly isStaged: (record: ResultRecord) => boolean
}

/** Newest results looked through for those that a feed tells of. */
const MAX_LOOKED_AT = 1_000

/** Builds as feeds and the pages of logs tell of them. */
export function createFeedSource(parts: FeedSourceParts): FeedSource & BuildBook {
  const { meshId, state } = parts

  /** Lists of one answer: the wheels of a project are worked out once. */
  function isListed(): (fact: ResultFact) => boolean {
    const listed = new Map<ProjectName, ReadonlySet<Sha256>>()
    return ({ record }) => {
      if (record.wheel === undefined) return false
      const { project } = parseJobId(record.job)
      const known = listed.get(project) ?? listedWheels(parts, project)
      listed.set(project, known)
      return known.has(record.wheel.sha256)
    }
  }

  return {
    meshId,
    mesh: state.genesis.name,
    createdMs: state.genesis.createdMs,
    wheels(limit, project) {
      const facts = project === undefined ? state.results.newest(MAX_LOOKED_AT) : factsOf(state, project)
      return some(facts, limit, isListed()).map((fact) => buildOf(state, fact))
    },
    failures(limit) {
      const isTold = ({ author, record: { failure } }: ResultFact): boolean =>
        failure !== undefined &&
        failure.class !== 'transient' &&
        failure.class !== 'infra' &&
        state.membership.levelOf(author) !== undefined
      return some(state.results.newest(MAX_LOOKED_AT), limit, isTold).map((fact) => buildOf(state, fact))
    },
    ofLog: (digest) =>
      state.results
        .ofBlob(digest)
        .filter(({ record }) => record.log.sha256 === digest)
        .map((fact) => buildOf(state, fact))
  }
}

function listedWheels(
  { state, pages, isStaged }: FeedSourceParts,
  project: ProjectName
): ReadonlySet<Sha256> {
  const releases = pages.releases(project)?.releases ?? []
  const wheels = publishedWheels(state, project, releases, isStaged)
  return new Set(wheels.filter(({ channel }) => channel === 'stable').map(({ wheel }) => wheel.sha256))
}

/** All results of a project, newest first. */
function factsOf({ results }: MeshState, project: ProjectName): readonly ResultFact[] {
  return results
    .versionsOf(project)
    .flatMap((version) => results.ofRelease(project, version))
    .sort((a, b) => finishedMs(b.record) - finishedMs(a.record) || (a.recordId < b.recordId ? -1 : 1))
}

function some(
  facts: readonly ResultFact[],
  limit: number,
  isWanted: (fact: ResultFact) => boolean
): readonly ResultFact[] {
  const found: ResultFact[] = []
  for (const fact of facts) {
    if (found.length === limit) break
    if (isWanted(fact)) found.push(fact)
  }
  return found
}

function buildOf({ nodes }: MeshState, { author, record, recordId }: ResultFact): FeedBuild {
  const { project, version, target } = parseJobId(record.job)
  return {
    recordId,
    job: record.job,
    project,
    version,
    target,
    builder: author,
    label: nodes.get(author)?.label ?? '',
    finishedMs: finishedMs(record),
    durationMs: record.durationMs,
    log: record.log.sha256,
    ...(record.failure === undefined ? {} : { failure: record.failure }),
    ...(record.wheel === undefined ? {} : { wheel: record.wheel })
  }
}
