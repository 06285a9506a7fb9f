import { cascade, type CellState } from '../core/cascade.ts'
import type { ProjectName, Sha256, TargetId } from '../core/ids.ts'
import { jobId } from '../core/job.ts'
import { parseTarget, type Target } from '../core/target.ts'
import type { ResultRecord } from '../core/record.ts'
import type { Release } from '../core/releases.ts'
import type { JobStateView, WhyView } from '../http/api-types.ts'
import type { ProjectSource } from '../http/project-routes.ts'
import type { CellView, ProjectView, ReleaseView, WheelView } from '../http/project-view.ts'
import type { IndexSource } from '../http/simple-routes.ts'
import { publishedWheels } from '../ledger/catalogue.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { outcomesOf } from '../ledger/outcomes.ts'
import type { PageBook } from '../ledger/page-book.ts'
import type { JobBoard } from '../scheduler/job-board.ts'
import type { JobViews } from './job-views.ts'

export interface ProjectSourceParts {
  readonly state: MeshState
  readonly pages: PageBook
  readonly board: JobBoard
  readonly views: JobViews
  readonly index: IndexSource
  /** Names from Requires-Dist of a wheel. */
  dependenciesOf(wheel: MetadataRef): Promise<readonly string[]>
}

/** A wheel and its METADATA. */
export interface MetadataRef {
  readonly sha256: Sha256
  readonly metadata: Sha256
}

/** Newest releases that a page shows besides those that somebody wants. */
const SHOWN_RELEASES = 30

/** Everything about one project, release by release and target by target. */
export function createProjectSource(parts: ProjectSourceParts): ProjectSource & {
  why(name: ProjectName): Promise<WhyView | undefined>
} {
  const { state, pages, index, board } = parts
  const isStaged = (record: ResultRecord): boolean => board.batches.isStaged(record)

  async function view(name: ProjectName): Promise<ProjectView | undefined> {
    // Brings the page from upstream or from a peer where it is not here yet.
    const indexed = await index.project(name)
    const loaded = pages.releases(name)
    if (indexed === undefined || loaded === undefined) return undefined
    const targets = state.nodes.targets()
    const shown = shownReleases(parts, name, loaded.releases)
    const yanked = new Map(indexed.merged.files.map((file) => [file.filename, file.yanked]))
    const published = publishedWheels(state, name, loaded.releases, isStaged)
    const releases = shown.map(async (release) => {
      const wheels = published.filter(({ version }) => version === release.version)
      const views = wheels.map(async ({ wheel, target, builder, log }): Promise<WheelView> => ({
        ...wheel,
        target,
        builder,
        log: log.sha256,
        yanked: yanked.get(wheel.filename) ?? false,
        pipDependencies: await parts.dependenciesOf(wheel)
      }))
      return releaseView(parts, { name, release, targets, wheels: await Promise.all(views) })
    })
    return {
      name,
      displayName: name,
      summary: '',
      upstreamUrl: '',
      targets: targets.map(({ id }) => id),
      releases: await Promise.all(releases)
    }
  }

  async function why(name: ProjectName): Promise<WhyView | undefined> {
    const project = await view(name)
    if (project === undefined) {
      if (state.wishes.forProject(name).length === 0) return undefined
      return { project: name, upstream: false, targets: [], versions: [] }
    }
    const versions = project.releases.map(({ version, cells }) => ({ version, cells }))
    return { project: name, upstream: true, targets: project.targets, versions }
  }

  return { view, why }
}

/** Newest first: the newest few, and every one that is wanted or was built. */
function shownReleases(
  parts: ProjectSourceParts,
  name: ProjectName,
  releases: readonly Release[]
): readonly Release[] {
  const known = new Set([
    ...parts.board.rowsOf(name).map(({ version }) => version),
    ...parts.state.results.versionsOf(name)
  ])
  const newest = new Set(releases.slice(-SHOWN_RELEASES))
  return releases.filter((release) => newest.has(release) || known.has(release.version)).reverse()
}

function releaseView(
  parts: ProjectSourceParts,
  what: {
    readonly name: ProjectName
    readonly release: Release
    readonly targets: readonly Target[]
    readonly wheels: readonly WheelView[]
  }
): ReleaseView {
  const { name, release, targets, wheels } = what
  const releasedMs = Date.parse(release.uploadTime)
  return {
    version: release.version,
    ...(Number.isNaN(releasedMs) ? {} : { releasedMs }),
    prerelease: release.prerelease,
    yanked: release.yanked,
    skipReason: parts.state.wishes.skipReason(name, release.version) ?? '',
    wheels,
    cells: cellViews(parts, name, { release, targets })
  }
}

function cellViews(
  parts: ProjectSourceParts,
  name: ProjectName,
  { release, targets }: { readonly release: Release; readonly targets: readonly Target[] }
): readonly CellView[] {
  const { state, board, views } = parts
  const outcomes = outcomesOf(state, name, release)
  const skipReason = state.wishes.skipReason(name, release.version)
  const unwanted = cascade({
    release,
    targets,
    outcomes,
    skipReason,
    offers: (target) => state.nodes.offers(target)
  })
  return targets.map((target): CellView => {
    const row = board.get(jobId(name, release.version, target.id))
    if (row !== undefined) return cellOf(target.id, views.view(row))
    const cell = unwanted.find((one) => one.target.id === target.id)
    return { target: target.id, ...unwantedCell(cell?.state.kind) }
  })
}

function cellOf(
  target: TargetId,
  job: { readonly state: JobStateView; readonly reason: string; readonly log?: string }
): CellView {
  return {
    target: parseTarget(target).id,
    state: job.state,
    reason: job.reason,
    ...(job.log === undefined ? {} : { log: job.log as NonNullable<CellView['log']> })
  }
}

/** A release that nobody asked for: only what is so anyway. */
function unwantedCell(kind: CellState['kind'] | undefined): {
  readonly state: JobStateView
  readonly reason: string
} {
  if (kind === undefined || kind === 'open' || kind === 'waiting') {
    return { state: 'waiting', reason: 'nobody asked for it; `commonwheel want` does' }
  }
  return { state: kind, reason: '' }
}
