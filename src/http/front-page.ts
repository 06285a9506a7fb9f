import type { Hono } from 'hono'
import type { HttpEnv } from './http-env.ts'
import { indexPlace, pipLine, toolLines } from './index-lines.ts'
import { type Markup, NOTHING, html } from './markup.ts'
import { pageShell, searchForm } from './page-shell.ts'
import { sendPage } from './send-page.ts'
import { textAnswer } from './text-answer.ts'
import { agoText, countOf, durationText, numberText } from './words.ts'

/** The mesh as a visitor sees it. */
export interface HomeView {
  readonly mesh: string
  readonly node: string
  readonly version: string
  readonly nowMs: number
  /** Members, and those of them that are here now; this node counts. */
  readonly nodes: { readonly known: number; readonly here: number }
  /** Wheels built for what is wanted. */
  readonly wheels: number
  readonly queue: { readonly building: number; readonly waiting: number; readonly failed: number }
  readonly targets: readonly string[]
  readonly newest: readonly NewBuildView[]
}

/** One build that ended well. */
export interface NewBuildView {
  readonly project: string
  readonly version: string
  readonly target: string
  readonly label: string
  readonly log: string
  readonly finishedMs: number
  readonly durationMs: number
}

export interface HomeSource {
  home(): Promise<HomeView>
}

/** `/`: a page for a browser, text for a terminal. */
export function addFrontRoutes(app: Hono<HttpEnv>, source: HomeSource): void {
  app.get('/', async (c) => {
    const view = await source.home()
    const isBrowser = c.req.header('accept')?.includes('text/html') === true
    return isBrowser
      ? sendPage(c, frontPage(view, c.req.url))
      : textAnswer(200, frontText(view, c.req.url), { vary: 'Accept' })
  })
}

function frontText(view: HomeView, requestUrl: string): string {
  return [
    `Commonwheel mesh "${view.mesh}", node ${view.node}, version ${view.version}`,
    `${nodesText(view)}, ${countOf(view.wheels, 'wheel')}; ${queueText(view)}`,
    '',
    `  ${pipLine(indexPlace(requestUrl), 'PROJECT')}`,
    '',
    'The whole upstream index, and the wheels this mesh built for it.',
    'simple/  project/NAME  search?q=NAME  feeds/wheels.atom  api/v1/status  api/v1/nodes  api/v1/jobs  health  metrics',
    ''
  ].join('\n')
}

function frontPage(view: HomeView, requestUrl: string): string {
  return pageShell({
    title: `${view.mesh} – Commonwheel`,
    root: './',
    hasSearch: true,
    body: html`<h1>${view.mesh}</h1>
      <p class="lead">
        ${countOf(view.nodes.known, 'machine')} that ${view.nodes.known === 1 ? 'builds' : 'build'} Python
        wheels ${view.nodes.known === 1 ? 'and serves' : 'together and serve'} one index: everything that
        upstream has, and the wheels that are missing there.
      </p>
      ${searchForm('./', '', 'big')} ${facts(view)}
      <p>${queueText(view)}. ${builtFor(view.targets)}</p>
      <h2>Use it</h2>
      <p>
        One address is enough, on any node of the mesh: it has everything that upstream has, with the same
        hashes.
      </p>
      ${toolLines(indexPlace(requestUrl), 'PROJECT', { poetry: true })}
      <p class="small faint">
        To keep it: <code class="copy">pip config set global.index-url ${indexPlace(requestUrl).url}</code>. A
        click marks a whole line.
      </p>
      ${newest(view)}
      <h2>About</h2>
      <p>
        This is node <strong>${view.node}</strong>, version ${view.version}. No node of a mesh is more than
        another: each has the whole index, each can build, and what one of them has lost the others still
        have. How this one is: <a href="health">health</a>, <a href="api/v1/status">status</a>,
        <a href="metrics">metrics</a>.
      </p>`
  })
}

function facts({ nodes, wheels, queue }: HomeView): Markup {
  const here = nodes.known > nodes.here ? `of ${nodes.known} nodes are here` : 'nodes are here'
  return html`<ul class="facts">
    ${fact(nodes.here, nodes.known === 1 ? 'node is here' : here)}
    ${fact(wheels, wheels === 1 ? 'wheel built' : 'wheels built')}
    ${fact(queue.building, queue.building === 1 ? 'build runs' : 'builds run')}
    ${fact(queue.waiting, queue.waiting === 1 ? 'waits' : 'wait')}
  </ul>`
}

function fact(number: number, words: string): Markup {
  return html`<li><b>${numberText(number)}</b> ${words}</li>`
}

function nodesText({ nodes }: HomeView): string {
  return `${nodes.here} of ${countOf(nodes.known, 'node')} here`
}

function queueText({ queue }: HomeView): string {
  const { building, waiting, failed } = queue
  const now =
    building === 0
      ? waiting === 0
        ? 'Nothing is left to build'
        : `${countOf(waiting, 'build waits', 'builds wait')} for a builder`
      : `${countOf(building, 'build runs', 'builds run')}${waiting === 0 ? '' : `, ${waiting} more ${waiting === 1 ? 'waits' : 'wait'}`}`
  return failed === 0 ? now : `${now}; ${countOf(failed, 'build')} failed`
}

function builtFor(targets: readonly string[]): Markup {
  if (targets.length === 0) return html`No node builds at the moment.`
  const last = targets.length - 1
  const codes = targets.map(
    (target, at) => html`<code class="whole">${target}</code>${at < last ? ',' : '.'}`
  )
  return html`The mesh builds for ${codes}`
}

function newest({ newest: builds, nowMs }: HomeView): Markup {
  if (builds.length === 0) return NOTHING
  return html`<h2>New wheels</h2>
    <ul class="rows">
      ${builds.map(
        ({ project, version, target, label, log, finishedMs, durationMs }) =>
          html`<li>
            <a href="project/${project}">${project} ${version}</a>
            <small
              >for <span class="mono">${target}</span>, built by ${label} in
              <a href="log/${log}">${durationText(durationMs)}</a>, ${agoText(finishedMs, nowMs)}</small
            >
          </li>`
      )}
    </ul>`
}
