import type { TargetId } from '../core/ids.ts'
import { parseTarget } from '../core/target.ts'
import type { JobStateView } from './api-types.ts'
import { type Markup, NOTHING, html } from './markup.ts'
import { pageShell } from './page-shell.ts'
import type { CellView, ProjectView, ReleaseView, WheelView } from './project-view.ts'

/** Releases shown at once; the others are one click away. */
const OPEN_RELEASES = 10
/** Debian's rule for package names: what is copied into a shell must be a name and nothing else. */
const APT_PACKAGE = /^[a-z0-9][a-z0-9+.-]+$/

const WORDS: Readonly<Record<JobStateView, string>> = {
  built: 'built',
  upstream: 'upstream has it',
  failed: 'failed',
  building: 'building',
  queued: 'queued',
  waiting: 'waiting',
  skipped: 'skipped',
  excluded: 'not for it'
}

/** The page of one project, for people. Links are relative to `/project/<name>`. */
export function projectPage(view: ProjectView, indexUrl: string): string {
  const [open, older] = [view.releases.slice(0, OPEN_RELEASES), view.releases.slice(OPEN_RELEASES)]
  return pageShell(
    `${view.displayName} – Commonwheel`,
    html`<p class="faint"><a href="../">Commonwheel</a> / project</p>
      <h1>${view.displayName}</h1>
      <p>${view.summary}</p>
      <h2>Install</h2>
      <pre>${installCommand(view, indexUrl)}</pre>
      <p class="faint">
        <a href="../simple/${view.name}/">index page</a> ·
        <a href="${view.name}/json">JSON</a>${upstreamLink(view)}
      </p>
      <h2>Versions and targets</h2>
      ${releaseTable(view.targets, open)}
      ${
        older.length === 0
          ? NOTHING
          : html`<details>
              <summary>${older.length} older versions</summary>
              ${releaseTable(view.targets, older)}
            </details>`
      }
      ${failures(view.releases)} ${wheelList(view.releases)}`
  )
}

function upstreamLink({ upstreamUrl }: ProjectView): Markup {
  return /^https?:\/\//.test(upstreamUrl) ? html` · <a href="${upstreamUrl}">upstream</a>` : NOTHING
}

/** System libraries first: of the newest release that people get by default. */
function installCommand(view: ProjectView, indexUrl: string): string {
  const usual = view.releases.find(
    (release) => release.wheels.length > 0 && !release.prerelease && !release.yanked
  )
  const packages = new Set(usual?.wheels.flatMap((wheel) => wheel.aptPackages) ?? [])
  const apt = [...packages].filter((name) => APT_PACKAGE.test(name)).sort()
  const pip = `pip install --index-url ${indexUrl} ${view.name}`
  return apt.length === 0 ? pip : `sudo apt install ${apt.join(' ')}\n${pip}`
}

function releaseTable(targets: readonly TargetId[], releases: readonly ReleaseView[]): Markup {
  if (releases.length === 0) return html`<p>Upstream has no release with a source archive.</p>`
  return html`<div class="scroll">
    <table>
      <caption>
        What each version is on each target
      </caption>
      <thead>
        <tr>
          <th scope="col">version</th>
          ${targets.map(targetHead)}
        </tr>
      </thead>
      <tbody>
        ${releases.map((release) => releaseRow(targets, release))}
      </tbody>
    </table>
  </div>`
}

/** In three lines, so that the columns of a phone stay narrow. */
function targetHead(id: TargetId): Markup {
  const { python, platform, libc } = parseTarget(id)
  return html`<th scope="col">${python}<br />${platform}<br /><span class="faint">${libc}</span></th>`
}

function releaseRow(targets: readonly TargetId[], release: ReleaseView): Markup {
  const cells = new Map(release.cells.map((cell) => [cell.target, cell]))
  return html`<tr>
    <th scope="row">${release.version}${badges(release)}</th>
    ${targets.map((target) => tableCell(cells.get(target)))}
  </tr>`
}

function badges(release: ReleaseView): Markup {
  const words = [
    ...(release.prerelease ? ['pre-release'] : []),
    ...(release.yanked ? ['yanked'] : []),
    ...(release.skipReason === '' ? [] : [`skipped: ${release.skipReason}`])
  ]
  return html`${words.map((word) => html`<span class="tag">${word}</span>`)}`
}

function tableCell(cell: CellView | undefined): Markup {
  if (cell === undefined) return html`<td class="excluded">not wanted</td>`
  const word = WORDS[cell.state]
  const text = cell.log === undefined ? html`${word}` : html`<a href="../logs/${cell.log}">${word}</a>`
  return html`<td class="${cell.state}" title="${cell.reason}">${text}</td>`
}

/** A title needs a mouse: failures are told in the open as well. */
function failures(releases: readonly ReleaseView[]): Markup {
  const failed = releases.flatMap(({ version, cells }) =>
    cells.filter(({ state }) => state === 'failed').map((cell) => ({ version, cell }))
  )
  if (failed.length === 0) return NOTHING
  const items = failed.map(
    ({ version, cell }) =>
      html`<li>
        <code>${version}</code> for <code>${cell.target}</code>: ${cell.reason}${logLink(cell.log)}
      </li>`
  )
  return html`<h2>Why builds failed</h2>
    <ul>
      ${items}
    </ul>`
}

function logLink(log: string | undefined): Markup {
  return log === undefined ? NOTHING : html` (<a href="../logs/${log}">log</a>)`
}

function wheelList(releases: readonly ReleaseView[]): Markup {
  const wheels = releases.flatMap((release) => release.wheels)
  if (wheels.length === 0) return NOTHING
  return html`<h2>Wheels of this mesh</h2>
    <ul>
      ${wheels.map(wheelItem)}
    </ul>`
}

function wheelItem(wheel: WheelView): Markup {
  const apt = wheel.aptPackages.length === 0 ? NOTHING : html`<br />needs ${wheel.aptPackages.join(', ')}`
  const yanked =
    wheel.yanked === false
      ? NOTHING
      : html`<br />yanked: ${wheel.yanked === true ? 'by upstream' : wheel.yanked}`
  return html`<li>
    <a href="../files/${wheel.sha256}/${encodeURIComponent(wheel.filename)}">${wheel.filename}</a>
    <span class="faint"
      >${sizeText(wheel.size)}${logLink(wheel.log)}<br /><code>sha256 ${wheel.sha256}</code
      >${apt}${yanked}</span
    >
  </li>`
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const [value, unit] = bytes < 1024 ** 2 ? [bytes / 1024, 'KiB'] : [bytes / 1024 ** 2, 'MiB']
  return `${value.toFixed(1)} ${unit}`
}
