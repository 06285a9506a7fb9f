import type { Hono } from 'hono'
import type { HttpEnv } from './http-env.ts'
import { DEFAULT_SEARCH_ROWS, MAX_QUERY_CHARS, MAX_SEARCH_ROWS } from './http-limits.ts'
import { type Markup, NOTHING, html } from './markup.ts'
import { pageShell, searchForm } from './page-shell.ts'
import { sendJson, sendPage } from './send-page.ts'
import { countOf } from './words.ts'

/** One project that fits what was typed. */
export interface FoundProject {
  readonly name: string
  /** In a few words what the mesh has of it. */
  readonly note: string
}

export interface SearchAnswer {
  /** The best first. */
  readonly projects: readonly FoundProject[]
  /** Projects looked through. */
  readonly known: number
  /** The query as a project name that no mesh member has asked upstream for yet; undefined when it is known or no name. */
  readonly unknown?: string
}

export interface SearchSource {
  find(query: string, limit: number): Promise<SearchAnswer>
}

/** `/search?q=` for people, `/search/json?q=` for programs and for the suggestions while somebody types. */
export function addSearchRoutes(app: Hono<HttpEnv>, search: SearchSource): void {
  app.get('/search', async (c) => {
    const query = queryOf(c.req.query('q'))
    return sendPage(c, searchPage(query, await search.find(query, DEFAULT_SEARCH_ROWS)))
  })
  app.get('/search/json', async (c) => {
    const query = queryOf(c.req.query('q'))
    const answer = await search.find(query, limitOf(c.req.query('limit')))
    const projects = answer.projects.map(({ name, note }) => ({ name, note, url: `../project/${name}` }))
    return sendJson(c, { query, known: answer.known, unknown: answer.unknown ?? null, projects })
  })
}

function queryOf(text = ''): string {
  return text.slice(0, MAX_QUERY_CHARS)
}

function limitOf(text = ''): number {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : DEFAULT_SEARCH_ROWS
  return Math.min(Math.max(limit, 1), MAX_SEARCH_ROWS)
}

function searchPage(query: string, { projects, known, unknown }: SearchAnswer): string {
  return pageShell({
    title: `${query === '' ? 'Search' : `“${query}”`} – Commonwheel`,
    root: './',
    hasSearch: true,
    body: html`<h1>Find a project</h1>
      ${searchForm('./', query, 'big')}
      ${query === '' ? html`<p class="faint">${countOf(known, 'project')} are known here.</p>` : found(query, projects)}
      ${unknown === undefined ? NOTHING : html`<p>This mesh has not looked at <strong>${unknown}</strong> so far. <a href="project/${unknown}">Look at it upstream</a></p>`}`
  })
}

function found(query: string, projects: readonly FoundProject[]): Markup {
  if (projects.length === 0) return html`<p>No project that this mesh knows has “${query}” in its name.</p>`
  const rows = projects.map(
    ({ name, note }) => html`<li><a href="project/${name}">${name}</a> <small>${note}</small></li>`
  )
  return html`<p class="faint">
      ${projects.length === DEFAULT_SEARCH_ROWS ? `The best ${DEFAULT_SEARCH_ROWS}` : countOf(projects.length, 'project')}
    </p>
    <ul class="rows">
      ${rows}
    </ul>`
}
