import type { Context, Hono } from 'hono'
import { normalizeName, parseProjectName } from '../core/distribution.ts'
import { messageOf } from '../core/errors.ts'
import type { ProjectName } from '../core/ids.ts'
import type { Log } from '../core/ports.ts'
import type { HttpEnv } from './http-env.ts'
import type { IndexView, PageAnswer, PageRequest, SimpleIndex } from './simple-index.ts'
import { methodNotAllowed, redirectTo, textAnswer } from './text-answer.ts'

export interface SimpleRouteParts {
  readonly pages: SimpleIndex
  /** First part of its paths. */
  readonly at: IndexView
  /** A project page was answered. */
  readonly seen: (project: ProjectName, userAgent: string) => void
  readonly log: Log
}

/** PEP 503 and 691: `/simple/` and `/simple/<project>/`. Never answers 5xx: pip would ask five times, uv would give up. */
export function addSimpleRoutes(app: Hono<HttpEnv>, { pages, at, seen, log }: SimpleRouteParts): void {
  app.get(`/${at}`, () => redirectTo(`${at.slice(at.lastIndexOf('/') + 1)}/`))
  app.get(`/${at}/:project`, (c) => redirectToProject(c.req.param('project'), ''))
  app.get(`/${at}/`, async (c) => {
    const found = await known(() => pages.root(requestOf(c)), log)
    return found === UNREACHABLE ? upstreamUnreachable() : responseOf(found)
  })
  app.get(`/${at}/:project/`, async (c) => {
    const given = c.req.param('project')
    const name = nameOf(given)
    if (name === undefined) return noProject(at)
    if (name !== given) return redirectToProject(given, '../')
    const found = await known(() => pages.project(name, requestOf(c)), log)
    if (found === UNREACHABLE) return upstreamUnreachable()
    if (found === undefined) return noProject(at)
    seen(name, c.req.header('user-agent') ?? '')
    return responseOf(found)
  })
  for (const path of [`/${at}`, `/${at}/`, `/${at}/:project`, `/${at}/:project/`]) {
    app.all(path, () => methodNotAllowed())
  }

  function redirectToProject(given: string, up: string): Response {
    return nameOf(given) === undefined ? noProject(at) : redirectTo(`${up}${normalizeName(given)}/`)
  }
}

function requestOf({ req }: Context<HttpEnv>): PageRequest {
  return {
    isHead: req.method === 'HEAD',
    accept: req.header('accept'),
    acceptEncoding: req.header('accept-encoding'),
    ifNoneMatch: req.header('if-none-match')
  }
}

function responseOf({ status, headers, body }: PageAnswer): Response {
  const pairs = headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1] ?? '']] : []))
  return new Response(body ?? null, { status, headers: Object.fromEntries(pairs) as Record<string, string> })
}

const UNREACHABLE = Symbol('unreachable')

async function known<T>(ask: () => Promise<T>, log: Log): Promise<T | typeof UNREACHABLE> {
  try {
    return await ask()
  } catch (error) {
    log.warn('index page not known', { error: messageOf(error) })
    return UNREACHABLE
  }
}

function nameOf(text: string): ProjectName | undefined {
  try {
    return parseProjectName(text)
  } catch {
    return undefined
  }
}

function noProject(at: IndexView): Response {
  const why =
    at === 'mesh/simple'
      ? 'This mesh has no wheel of a project of this name.\n'
      : 'The upstream index has no project of this name.\n'
  return textAnswer(404, why)
}

/** A 404 lets an installer go on; a 503 would stop uv and cost pip 8 seconds for each project. */
function upstreamUnreachable(): Response {
  return textAnswer(404, 'The upstream index could not be asked, and this mesh has never seen this page.\n', {
    'x-commonwheel-upstream': 'unreachable'
  })
}
