import { type Context, type Hono } from 'hono'
import { normalizeName, parseProjectName } from '../core/distribution.ts'
import { messageOf } from '../core/errors.ts'
import type { ProjectName } from '../core/ids.ts'
import { PAGE_FRESH_MS } from '../core/limits.ts'
import type { MergedProject } from '../core/merge-index.ts'
import type { Log } from '../core/ports.ts'
import { matchesEtag } from './conditional.ts'
import type { HttpEnv } from './http-env.ts'
import { ACCEPT_MEMO_ENTRIES, PAGE_CACHE_BYTES, ROOT_CACHE_BYTES } from './http-limits.ts'
import { acceptsGzip, chooseType } from './negotiate.ts'
import { type CachedPage, createPage, createPageCache } from './page-cache.ts'
import { projectHtml, projectJson, rootHtml, rootJson } from './simple-page.ts'
import { redirectTo, textAnswer } from './text-answer.ts'

/** What the simple index asks for. It may throw when upstream could not be asked and nothing was ever known. */
export interface IndexSource {
  /** undefined: upstream has no such project. */
  project(name: ProjectName): Promise<IndexedProject | undefined>
  /** The same array as long as nothing changed: its identity says that the page is still good. */
  projectNames(): Promise<readonly string[]>
}

export interface IndexedProject {
  readonly merged: MergedProject
  /** Changes whenever `merged` does. */
  readonly revision: string
  /** How old upstream's page is, when that is known. */
  readonly ageMs?: number
}

export interface SimpleRouteParts {
  readonly index: IndexSource
  readonly log: Log
  /** First part of its paths. */
  readonly at?: 'simple' | 'staged'
}

/** PEP 691; the first is what a client without wishes gets. */
const TYPES = [
  'text/html',
  'application/vnd.pypi.simple.v1+json',
  'application/vnd.pypi.simple.v1+html',
  'application/vnd.pypi.simple.latest+json',
  'application/vnd.pypi.simple.latest+html'
] as const
type Format = 'text/html' | 'application/vnd.pypi.simple.v1+json' | 'application/vnd.pypi.simple.v1+html'

/** PEP 503 and 691: `/simple/` and `/simple/<project>/`. Never answers 5xx: pip would ask five times, uv would give up. */
export function addSimpleRoutes(app: Hono<HttpEnv>, parts: SimpleRouteParts): void {
  const cache = createPageCache(PAGE_CACHE_BYTES)
  const rootCache = createPageCache(ROOT_CACHE_BYTES)
  const formatOf = rememberFormats()
  const rootRevisions = new WeakMap<readonly string[], string>()
  let roots = 0

  const { at = 'simple' } = parts
  app.get(`/${at}`, () => redirectTo(`${at}/`))
  app.get(`/${at}/:project`, (c) => redirectToProject(c.req.param('project'), ''))
  app.get(`/${at}/`, async (c) => {
    const names = await known(() => parts.index.projectNames(), parts.log)
    if (names === UNREACHABLE) return upstreamUnreachable()
    const revision = rootRevisions.get(names) ?? String((roots += 1))
    rootRevisions.set(names, revision)
    const format = formatOf(c.req.header('accept'))
    const render = isJson(format) ? rootJson : rootHtml
    return sendPage(
      c,
      rootCache.get(format, revision, () => createPage(render(names), headersOf(format)))
    )
  })
  app.get(`/${at}/:project/`, async (c) => {
    const given = c.req.param('project')
    const name = nameOf(given)
    if (name === undefined) return noProject()
    if (name !== given) return redirectToProject(given, '../')
    const found = await known(() => parts.index.project(name), parts.log)
    if (found === UNREACHABLE) return upstreamUnreachable()
    if (found === undefined) return noProject()
    const format = formatOf(c.req.header('accept'))
    const render = isJson(format) ? projectJson : projectHtml
    const page = cache.get(`${name} ${format}`, found.revision, () =>
      createPage(render(found.merged), headersOf(format))
    )
    return sendPage(c, page, found.ageMs)
  })
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

async function sendPage(c: Context<HttpEnv>, page: CachedPage, ageMs = 0): Promise<Response> {
  const { body, etag, headers, notModifiedHeaders } = acceptsGzip(c.req.header('accept-encoding'))
    ? await page.gzip()
    : page.plain
  const age: Readonly<Record<string, string>> | undefined =
    ageMs > PAGE_FRESH_MS ? { 'x-commonwheel-page-age': String(Math.round(ageMs / 1000)) } : undefined
  if (matchesEtag(c.req.header('if-none-match'), etag)) {
    return new Response(null, { status: 304, headers: { ...notModifiedHeaders, ...age } })
  }
  const sent = c.req.method === 'HEAD' ? null : body
  return new Response(sent, { headers: age === undefined ? headers : { ...headers, ...age } })
}

/** A page is asked for again each time, cheaply: a stale one costs its reader a build from source. */
function headersOf(format: Format): Readonly<Record<string, string>> {
  return {
    'content-type': format === 'text/html' ? 'text/html; charset=utf-8' : format,
    'cache-control': 'max-age=0, must-revalidate',
    vary: 'Accept, Accept-Encoding',
    'x-content-type-options': 'nosniff',
    ...(isJson(format) ? {} : { 'content-security-policy': "default-src 'none'" })
  }
}

function isJson(format: Format): boolean {
  return format.endsWith('+json')
}

/** Negotiation costs more than all the rest of a hot page, and there are as many headers as there are installers. */
function rememberFormats(): (accept: string | undefined) => Format {
  const memo = new Map<string, Format>()
  return (accept = '*/*') => {
    const remembered = memo.get(accept)
    if (remembered !== undefined) return remembered
    const format = chooseType(accept, TYPES).replace('latest', 'v1') as Format
    if (memo.size >= ACCEPT_MEMO_ENTRIES) memo.clear()
    memo.set(accept, format)
    return format
  }
}

function nameOf(text: string): ProjectName | undefined {
  try {
    return parseProjectName(text)
  } catch {
    return undefined
  }
}

function redirectToProject(given: string, up: string): Response {
  return nameOf(given) === undefined ? noProject() : redirectTo(`${up}${normalizeName(given)}/`)
}

function noProject(): Response {
  return textAnswer(404, 'The upstream index has no project of this name.\n')
}

/** A 404 lets an installer go on; a 503 would stop uv and cost pip 8 seconds for each project. */
function upstreamUnreachable(): Response {
  return textAnswer(404, 'The upstream index could not be asked, and this mesh has never seen this page.\n', {
    'x-commonwheel-upstream': 'unreachable'
  })
}
