import type { FailureCauses } from '../core/failure-causes.ts'
import { type Markup, NOTHING, html, prose } from './markup.ts'
import { STATE_WORDS } from './project-table.ts'
import type { CellView, ProjectView, ReleaseView } from './project-view.ts'

/** Failures told in the open; the table has the rest. */
const SHOWN_FAILURES = 12

/** The release that people get by default. */
function usualRelease(releases: readonly ReleaseView[]): ReleaseView | undefined {
  return releases.find(({ prerelease, yanked }) => !prerelease && !yanked) ?? releases[0]
}

/** What of the newest release is not there, and why; with a button when asking for it would change something. */
export function missingSection(view: ProjectView, causes: FailureCauses): Markup {
  const release = usualRelease(view.releases)
  if (release === undefined) return NOTHING
  const missing = release.cells.filter(({ state }) => state !== 'built' && state !== 'upstream')
  if (missing.length === 0) {
    return html`<h2>Nothing is missing</h2>
      <p>Version ${release.version} has a wheel for every target of this mesh.</p>`
  }
  return html`<h2>What is missing of ${release.version}, and why</h2>
    <ul class="rows">
      ${missing.map((cell) => missingRow(cell, causes))}
    </ul>
    ${missing.some(isAskable) ? askForm(view.name) : NOTHING}`
}

/** Nobody asked for it so far, and a builder could try. */
function isAskable({ state, asked }: CellView): boolean {
  return state === 'waiting' && asked === false
}

function missingRow(cell: CellView, causes: FailureCauses): Markup {
  return html`<li>
    <span class="state ${cell.state}">${STATE_WORDS[cell.state]}</span> on
    <code>${cell.target}</code>${reasonOf(cell)}${logLink(cell)}${cureOf(cell, causes)}
  </li>`
}

function reasonOf(cell: CellView): Markup {
  if (isAskable(cell)) return html`: nobody has asked for it so far`
  return cell.reason === '' ? NOTHING : html`: ${cell.reason}`
}

function cureOf({ cause, state }: CellView, causes: FailureCauses): Markup {
  const text = state === 'failed' && cause !== undefined ? causes.textOf(cause) : undefined
  return text === undefined ? NOTHING : html`<br /><span class="faint">${prose(text.cure)}</span>`
}

function logLink({ log }: CellView): Markup {
  return log === undefined ? NOTHING : html` (<a href="../log/${log}">log</a>)`
}

function askForm(name: string): Markup {
  return html`<form class="card" method="post" action="${name}/ask">
    <p>The mesh can try it when its builders have time. Anybody may ask.</p>
    <p><button>Ask the mesh to build it</button></p>
  </form>`
}

/** A title needs a mouse: the failures of the other releases are told in the open as well, equal ones together. */
export function failureSection(view: ProjectView): Markup {
  const usual = usualRelease(view.releases)
  const groups = new Map<string, FailureGroup>()
  for (const { version, cells } of view.releases.filter((release) => release !== usual)) {
    for (const cell of cells.filter(({ state }) => state === 'failed')) {
      const key = `${cell.target} ${cell.reason}`
      groups.set(key, { cell, versions: [...(groups.get(key)?.versions ?? []), version] })
    }
  }
  if (groups.size === 0) return NOTHING
  const shown = [...groups.values()].slice(0, SHOWN_FAILURES)
  return html`<h2>Why other versions failed</h2>
    <ul class="rows">
      ${shown.map(failureRow)}
    </ul>
    ${
      groups.size > SHOWN_FAILURES
        ? html`<p class="faint">And ${groups.size - SHOWN_FAILURES} more, in the table.</p>`
        : NOTHING
    }`
}

interface FailureGroup {
  /** The last of them. */
  readonly cell: CellView
  readonly versions: readonly string[]
}

function failureRow({ cell, versions }: FailureGroup): Markup {
  return html`<li>
    <strong>${versions.join(', ')}</strong> on <code class="whole">${cell.target}</code>:
    ${cell.reason}${logLink(cell)}
  </li>`
}
