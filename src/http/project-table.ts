import type { TargetId } from '../core/ids.ts'
import { parseTarget } from '../core/target.ts'
import type { JobStateView } from './api-types.ts'
import { type Markup, NOTHING, html } from './markup.ts'
import type { CellView, ReleaseView } from './project-view.ts'
import { durationText, isoSeconds } from './words.ts'

export const STATE_WORDS: Readonly<Record<JobStateView, string>> = {
  built: 'built',
  upstream: 'upstream has it',
  failed: 'failed',
  building: 'building',
  queued: 'queued',
  waiting: 'waiting',
  skipped: 'skipped',
  excluded: 'not for it'
}

/** Versions by targets: what state each is in, who built it, how long it took, and its log. */
export function releaseTable(targets: readonly TargetId[], releases: readonly ReleaseView[]): Markup {
  if (releases.length === 0) return html`<p>Upstream has no release with a source archive.</p>`
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Versions and targets">
    <table>
      <caption>
        What each version is on each target
      </caption>
      <thead>
        <tr>
          <th scope="col">Version</th>
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
  return html`<th scope="col">
    ${pythonText(python)}<br />${platform.replace(/^linux_/, '')}<br /><span class="faint">${libc}</span>
  </th>`
}

/** `cp313` is CPython 3.13 to everybody who is no wheel. */
function pythonText(python: string): string {
  const [, kind = '', major = '', minor = '', free = ''] = /^(cp|pp)(\d)(\d*)(t?)$/.exec(python) ?? []
  if (kind === '') return python
  return `${kind === 'pp' ? 'PyPy' : 'Python'} ${major}.${minor}${free === '' ? '' : ' free-threaded'}`
}

function releaseRow(targets: readonly TargetId[], release: ReleaseView): Markup {
  const cells = new Map(release.cells.map((cell) => [cell.target, cell]))
  const date =
    release.releasedMs === undefined
      ? NOTHING
      : html`<small>${isoSeconds(release.releasedMs).slice(0, 10)}</small>`
  return html`<tr>
    <th scope="row">${release.version}${badges(release)}${date}</th>
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
  if (cell === undefined) return html`<td><span class="state excluded">not wanted</span></td>`
  const word = STATE_WORDS[cell.state]
  const state =
    cell.log === undefined
      ? html`<span class="state ${cell.state}" title="${cell.reason}">${word}</span>`
      : html`<a class="state ${cell.state}" href="../log/${cell.log}" title="${cell.reason}">${word}</a>`
  return html`<td>${state}${builtBy(cell)}</td>`
}

function builtBy({ build }: CellView): Markup {
  if (build === undefined) return NOTHING
  const who = build.label === '' ? build.builder.slice(-8) : build.label
  return html`<small title="${build.builder}, ${isoSeconds(build.finishedMs)}"
    >${who}, ${durationText(build.durationMs)}</small
  >`
}
