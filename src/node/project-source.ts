import type { ProjectName, Sha256 } from '../core/ids.ts'
import type { ResultRecord } from '../core/record.ts'
import type { Release } from '../core/releases.ts'
import type { WhyView } from '../http/api-types.ts'
import type { ProjectSource } from '../http/project-routes.ts'
import type { ProjectView, RangeFor, ReleaseView, WheelView } from '../http/project-view.ts'
import type { IndexSource } from '../http/simple-index.ts'
import { publishedWheels } from '../ledger/catalogue.ts'
import type { PageBook } from '../ledger/page-book.ts'
import { Recent } from '../ledger/recent.ts'
import { cellViews, type ProjectCellParts } from './project-cells.ts'

export interface ProjectSourceParts extends ProjectCellParts {
  readonly pages: PageBook
  readonly index: Pick<IndexSource, 'project'>
  /** Names from Requires-Dist of a wheel; undefined when nobody gave its METADATA in time. */
  dependenciesOf(wheel: MetadataRef): Promise<readonly string[] | undefined>
}

/** A wheel and its METADATA. */
export interface MetadataRef {
  readonly sha256: Sha256
  readonly metadata: Sha256
}

/** Newest releases that a page shows besides those that somebody wants. */
const SHOWN_RELEASES = 30
/** Wheels whose dependencies are remembered: they never change, and reading them again takes a file each. */
const MAX_REMEMBERED = 5_000

type Why = (name: ProjectName) => Promise<WhyView | undefined>

/** Everything about one project, release by release and target by target. */
export function createProjectSource(parts: ProjectSourceParts): ProjectSource & { readonly why: Why } {
  const { state, pages, index, board } = parts
  const dependencies = rememberDependencies(parts)
  const isStaged = (record: ResultRecord): boolean => board.batches.isStaged(record)

  async function view(name: ProjectName, rangeFor?: RangeFor): Promise<ProjectView | undefined> {
    // Brings the page from upstream or from a peer where it is not here yet.
    const indexed = await index.project(name)
    const loaded = pages.releases(name)
    if (indexed === undefined || loaded === undefined) return undefined
    const targets = state.nodes.targets()
    const range = rangeFor?.(targets.length)
    const all = shownReleases(parts, name, loaded.releases)
    const shown = range === undefined ? all : all.slice(range.first, range.first + range.count)
    const yanked = new Map(indexed.merged.files.map((file) => [file.filename, file.yanked]))
    const published = publishedWheels(state, name, shown, isStaged)
    const releases = shown.map(async (release): Promise<ReleaseView> => {
      const wheels = published.filter(({ version }) => version === release.version)
      const views = wheels.map(async ({ wheel, target, builder, log }): Promise<WheelView> => ({
        ...wheel,
        target,
        builder,
        log: log.sha256,
        yanked: yanked.get(wheel.filename) ?? false,
        pipDependencies: range === undefined ? await dependencies(wheel) : []
      }))
      const cells = cellViews(parts, name, { release, targets })
      return { ...releaseFacts(parts, name, release), wheels: await Promise.all(views), cells }
    })
    return {
      name,
      displayName: name,
      summary: '',
      upstreamUrl: '',
      targets: targets.map(({ id }) => id),
      releases: await Promise.all(releases),
      first: range?.first ?? 0,
      total: all.length
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

function rememberDependencies(
  parts: Pick<ProjectSourceParts, 'dependenciesOf'>
): (wheel: MetadataRef) => Promise<readonly string[]> {
  const known = new Recent<Sha256, readonly string[]>(MAX_REMEMBERED, () => 1)
  return async (wheel) => {
    const remembered = known.get(wheel.metadata)
    if (remembered !== undefined) return remembered
    const found = await parts.dependenciesOf(wheel)
    if (found !== undefined) known.set(wheel.metadata, found)
    return found ?? []
  }
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

function releaseFacts(
  { state }: ProjectSourceParts,
  name: ProjectName,
  release: Release
): Omit<ReleaseView, 'wheels' | 'cells'> {
  const releasedMs = Date.parse(release.uploadTime)
  return {
    version: release.version,
    ...(Number.isNaN(releasedMs) ? {} : { releasedMs }),
    prerelease: release.prerelease,
    yanked: release.yanked,
    skipReason: state.wishes.skipReason(name, release.version) ?? ''
  }
}
