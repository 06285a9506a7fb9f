import type { FailureCauses } from '../core/failure-causes.ts'
import { type IndexPlace, toolLines } from './index-lines.ts'
import { type Markup, NOTHING, html } from './markup.ts'
import { pageShell } from './page-shell.ts'
import { aptPackagesOf, wheelSection } from './project-files.ts'
import { failureSection, missingSection } from './project-missing.ts'
import { releaseTable } from './project-table.ts'
import type { ProjectView, ReleaseRange } from './project-view.ts'
import { countOf } from './words.ts'

/** Cells of the table on one page, so that it stays below 150 KB: a cell and the wheel behind it take up to 900 bytes. */
const PAGE_CELLS = 120
const MAX_PAGE_RELEASES = 25
const MIN_PAGE_RELEASES = 5

/** The releases of a page (from 1) of a project in a mesh with so many targets. */
export function pageRange(page: number, targets: number): ReleaseRange {
  const fitting = Math.floor(PAGE_CELLS / Math.max(targets, 1))
  const count = Math.min(MAX_PAGE_RELEASES, Math.max(MIN_PAGE_RELEASES, fitting))
  return { first: (page - 1) * count, count }
}

export interface ProjectPageParts {
  readonly place: IndexPlace
  readonly causes: FailureCauses
  /** From 1. */
  readonly page: number
}

/** The page of one project, for people. Links are relative to `/project/<name>`. */
export function projectPage(view: ProjectView, { place, causes, page }: ProjectPageParts): string {
  const isFirst = page === 1
  return pageShell({
    title: `${view.displayName}${isFirst ? '' : `, page ${page}`} – Commonwheel`,
    root: '../',
    feeds: [{ title: `New wheels of ${view.displayName}`, path: `project/${view.name}/wheels.atom` }],
    body: html`<h1>${view.displayName}</h1>
      ${view.summary === '' ? NOTHING : html`<p class="lead">${view.summary}</p>`}
      <p class="small faint">
        <a href="../simple/${view.name}/">Index page</a> · <a href="${view.name}/json">JSON</a> ·
        <a href="${view.name}/wheels.atom">Feed</a>${upstreamLink(view)}
      </p>
      ${isFirst ? installSection(view, place) : NOTHING} ${isFirst ? missingSection(view, causes) : NOTHING}
      <h2>Versions and targets</h2>
      ${releaseTable(view.targets, view.releases)} ${pager(view, page)}
      ${isFirst ? failureSection(view) : NOTHING} ${wheelSection(view.releases)}`
  })
}

function upstreamLink({ upstreamUrl }: ProjectView): Markup {
  return /^https?:\/\//.test(upstreamUrl) ? html` · <a href="${upstreamUrl}">Upstream</a>` : NOTHING
}

/** System libraries first: of the newest release that people get by default. */
function installSection(view: ProjectView, place: IndexPlace): Markup {
  const usual = view.releases.find(
    (release) => release.wheels.length > 0 && !release.prerelease && !release.yanked
  )
  return html`<h2>Install</h2>
    ${toolLines(place, view.name, { apt: aptPackagesOf(usual) })}`
}

function pager({ first, total, releases, name }: ProjectView, page: number): Markup {
  const last = first + releases.length
  if (total <= releases.length) return NOTHING
  return html`<nav class="pager" aria-label="Versions">
    <span>${page > 1 ? html`<a rel="prev" href="${name}?page=${page - 1}">Newer versions</a>` : NOTHING}</span
    ><span class="faint">${first + 1} to ${last} of ${countOf(total, 'version')}</span
    ><span
      >${last < total ? html`<a rel="next" href="${name}?page=${page + 1}">Older versions</a>` : NOTHING}</span
    >
  </nav>`
}
