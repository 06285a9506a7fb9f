import type { Context } from 'hono'
import type { ProjectName } from '../core/ids.ts'
import { apiError } from './api-error.ts'
import type { AskAnswer, AskRefusal } from './demand.ts'
import type { HttpEnv } from './http-env.ts'
import { html } from './markup.ts'
import { pageShell } from './page-shell.ts'

/** Takes a want that needs no token. */
export type Ask = (project: ProjectName) => Promise<AskAnswer>

const STATUS_OF: Readonly<Record<AskRefusal, number>> = {
  off: 403,
  busy: 429,
  unknown: 404,
  'nothing-to-build': 409
}

export function askStatus(answer: AskAnswer): number {
  if (answer.kind === 'refused') return STATUS_OF[answer.code]
  return answer.kind === 'asked' ? 202 : 200
}

/** What happens next, for who pressed the button. Links are relative to `/project/<name>/ask`. */
export function askPage(name: ProjectName, answer: AskAnswer): string {
  const title = titleOf(answer)
  return pageShell({
    title: `${title} – ${name} – Commonwheel`,
    root: '../../',
    body: html`<h1>${title}</h1>
      <p class="lead">${answer.reason}</p>
      ${nextOf(answer)}
      <p><a href="../${name}">Back to ${name}</a></p>`
  })
}

function titleOf(answer: AskAnswer): string {
  if (answer.kind === 'asked') return 'The mesh was asked'
  return answer.kind === 'already' ? 'Nothing more to ask' : 'That could not be asked'
}

function nextOf(answer: AskAnswer): ReturnType<typeof html> {
  if (answer.kind !== 'asked') return html``
  const targets = answer.targets.map((target) => html`<li><code>${target}</code></li>`)
  return html`<p>
      It is in the queue now, behind what people asked for by name. Builders take it when they are free; a
      small package takes a minute, a large one hours. The page of the project tells how it goes.
    </p>
    <ul>
      ${targets}
    </ul>`
}

/**
 * A form of another site may not press the button in somebody's name. Browsers tell where a form stood: with `Sec-Fetch-Site` where
 * the node has a trustworthy address, with `Origin` everywhere. Unlike a change of the node itself this needs no secret, so the
 * node's name may be any, also one behind a proxy.
 */
export function refuseForeignForm(c: Context<HttpEnv>): void {
  const site = c.req.header('sec-fetch-site')
  if (site === 'same-origin' || site === 'none') return
  const origin = c.req.header('origin')
  const isOwn =
    origin === undefined ||
    (URL.canParse(origin) && new URL(origin).host === c.req.header('host')?.toLowerCase())
  if (site !== undefined || !isOwn) {
    throw apiError(
      'FORBIDDEN',
      'a page of another site may not ask for a build',
      'open the page of the project on this node'
    )
  }
}
