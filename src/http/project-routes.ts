import type { Context, Hono } from 'hono'
import { parseProjectName } from '../core/distribution.ts'
import { messageOf } from '../core/errors.ts'
import type { FailureCauses } from '../core/failure-causes.ts'
import type { ProjectName } from '../core/ids.ts'
import type { Log } from '../core/ports.ts'
import { jsonAnswerOf } from './api-error.ts'
import type { HttpEnv } from './http-env.ts'
import { indexPlace } from './index-lines.ts'
import { chooseType } from './negotiate.ts'
import { PAGE_HEADERS } from './page-shell.ts'
import { type Ask, askPage, askStatus, refuseForeignForm } from './project-ask.ts'
import { projectViewJson } from './project-json.ts'
import { pageRange, projectPage } from './project-page.ts'
import type { ProjectView, RangeFor } from './project-view.ts'
import { sendPage } from './send-page.ts'
import { redirectTo, textAnswer } from './text-answer.ts'

export interface ProjectSource {
  /** undefined: upstream has no such project. A page shows a part of the releases, and does without what only programs want. */
  view(name: ProjectName, rangeFor?: RangeFor): Promise<ProjectView | undefined>
}

export interface ProjectRouteParts {
  readonly projects: ProjectSource
  readonly causes: FailureCauses
  readonly ask: Ask
  readonly log: Log
}

const UNREACHABLE = Symbol('unreachable')

/** Pages that a person may turn to; more releases than that has nobody. */
const MAX_PAGE = 1_000
/** After which somebody whom the node refused for now may press the button again, in seconds. */
const ASK_AGAIN_S = '60'

/** `/project/<name>` for people, `/project/<name>/json` for programs, `/project/<name>/ask` for the button. */
export function addProjectRoutes(app: Hono<HttpEnv>, parts: ProjectRouteParts): void {
  const { projects } = parts
  app.get('/project/:name', (c) => sendProject(c, parts))
  app.get('/project/:name/json', async (c) => {
    const given = c.req.param('name')
    const name = nameOf(given)
    const view = name && (await known(() => projects.view(name), parts.log))
    if (view === UNREACHABLE) return notNow()
    if (view === undefined) return unknownProject()
    if (view.name !== given) return redirectTo(`../${view.name}/json`)
    return jsonAnswerOf(projectViewJson(view))
  })
  app.post('/project/:name/ask', (c) => answerAsk(c, parts))
  app.get('/project/:name/ask', (c) => {
    const name = nameOf(c.req.param('name'))
    return name === undefined ? unknownProject() : redirectTo(`../${name}`)
  })
  // As piwheels' own addresses end.
  app.get('/project/:name/', (c) => {
    const name = nameOf(c.req.param('name'))
    return name === undefined ? unknownProject() : redirectTo(`../${name}`)
  })
  app.get('/project/:name/json/', () => redirectTo('../json'))
}

async function sendProject(
  c: Context<HttpEnv>,
  { projects, causes, log }: ProjectRouteParts
): Promise<Response> {
  const given = c.req.param('name') ?? ''
  const name = nameOf(given)
  const page = pageOf(c.req.query('page'))
  const view = name && (await known(() => projects.view(name, (targets) => pageRange(page, targets)), log))
  if (view === UNREACHABLE) return notNow()
  if (view === undefined || (page > 1 && view.releases.length === 0)) return unknownProject()
  if (view.name !== given) return redirectTo(view.name)
  const text = projectPage(view, { place: indexPlace(c.req.url), causes, page })
  return new Response(text, { headers: PAGE_HEADERS })
}

async function answerAsk(c: Context<HttpEnv>, { ask }: ProjectRouteParts): Promise<Response> {
  refuseForeignForm(c)
  const name = nameOf(c.req.param('name') ?? '')
  if (name === undefined) return unknownProject()
  const answer = await ask(name)
  const status = askStatus(answer)
  const isJson = chooseType(c.req.header('accept'), ['text/html', 'application/json']) === 'application/json'
  const response = isJson
    ? Response.json(answer, { status })
    : await sendPage(c, askPage(name, answer), status)
  if (status === 429) response.headers.set('retry-after', ASK_AGAIN_S)
  response.headers.set('cache-control', 'no-store')
  return response
}

/** Upstream could not be asked about a project that nobody here has seen. */
async function known<T>(ask: () => Promise<T>, log: Log): Promise<T | typeof UNREACHABLE> {
  try {
    return await ask()
  } catch (error) {
    log.warn('project page not known', { error: messageOf(error) })
    return UNREACHABLE
  }
}

function pageOf(text: string | undefined): number {
  const page = /^\d{1,4}$/.test(text ?? '') ? Number(text) : 1
  return Math.min(Math.max(page, 1), MAX_PAGE)
}

function nameOf(text: string): ProjectName | undefined {
  try {
    return parseProjectName(text)
  } catch {
    return undefined
  }
}

function unknownProject(): Response {
  return textAnswer(404, 'The upstream index has no project of this name.\n')
}

function notNow(): Response {
  const text =
    'The upstream index could not be asked, and this mesh has never seen this project. Try again later.\n'
  return textAnswer(503, text, { 'retry-after': '30' })
}
