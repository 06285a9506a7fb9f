import { wheelRemarks } from '../core/wheel-remarks.ts'
import { type Markup, NOTHING, html } from './markup.ts'
import type { ReleaseView, WheelView } from './project-view.ts'
import { countOf, sizeText } from './words.ts'

/** Debian's rule for package names: what is copied into a shell must be a name and nothing else. */
const APT_PACKAGE = /^[a-z0-9][a-z0-9+.-]+$/

/** System libraries that the wheels of a release load. */
export function aptPackagesOf(release: ReleaseView | undefined): readonly string[] {
  const packages = new Set(release?.wheels.flatMap((wheel) => wheel.aptPackages) ?? [])
  return [...packages].filter((name) => APT_PACKAGE.test(name)).sort()
}

/** The wheels of the mesh, those of the newest release in sight. */
export function wheelSection(releases: readonly ReleaseView[]): Markup {
  const [newest, ...older] = releases.filter(({ wheels }) => wheels.length > 0)
  if (newest === undefined) return NOTHING
  return html`<h2>Wheels of this mesh</h2>
    <h3>${newest.version}</h3>
    ${wheelList(newest)}
    ${older.map(
      (release) =>
        html`<details>
          <summary>${release.version}, ${countOf(release.wheels.length, 'wheel')}</summary>
          ${wheelList(release)}
        </details>`
    )}`
}

function wheelList({ wheels }: ReleaseView): Markup {
  return html`<ul class="rows">
    ${wheels.map(wheelItem)}
  </ul>`
}

function wheelItem(wheel: WheelView): Markup {
  const apt = wheel.aptPackages.length === 0 ? NOTHING : html`<br />needs ${wheel.aptPackages.join(', ')}`
  const remarks = wheelRemarks(wheel).map((remark) => html`<br />${remark}`)
  const python = wheel.requiresPython === '' ? NOTHING : html`, Python ${wheel.requiresPython}`
  return html`<li>
    <a class="mono" href="../files/${wheel.sha256}/${encodeURIComponent(wheel.filename)}">${wheel.filename}</a
    ><br />
    <small
      >${sizeText(wheel.size)}${python},
      <a href="../log/${wheel.log}">log</a>${apt}${remarks}${yankedText(wheel)}<br /><span class="mono"
        >sha256 ${wheel.sha256}</span
      ></small
    >
  </li>`
}

function yankedText({ yanked }: WheelView): Markup {
  if (yanked === false) return NOTHING
  return html`<br />yanked: ${yanked === true ? 'by upstream' : yanked}`
}
