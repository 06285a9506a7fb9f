import type { Hono } from 'hono'
import { parseProjectName } from '../core/distribution.ts'
import type { ProjectName } from '../core/ids.ts'
import { jsonAnswerOf } from './api-error.ts'
import type { HttpEnv } from './http-env.ts'
import { PAGE_HEADERS } from './page-shell.ts'
import { projectViewJson } from './project-json.ts'
import { projectPage } from './project-page.ts'
import type { ProjectView } from './project-view.ts'
import { redirectTo, textAnswer } from './text-answer.ts'

export interface ProjectSource {
  /** undefined: upstream has no such project. */
  view(name: ProjectName): Promise<ProjectView | undefined>
}

/** `/project/<name>` for people, `/project/<name>/json` for programs. */
export function addProjectRoutes(app: Hono<HttpEnv>, projects: ProjectSource): void {
  const viewOf = async (given: string): Promise<ProjectView | undefined> => {
    const name = nameOf(given)
    return name === undefined ? undefined : projects.view(name)
  }
  app.get('/project/:name', async (c) => {
    const given = c.req.param('name')
    const view = await viewOf(given)
    if (view === undefined) return unknownProject()
    if (view.name !== given) return redirectTo(view.name)
    const indexUrl = new URL('/simple/', c.req.url).href
    return new Response(projectPage(view, indexUrl), { headers: PAGE_HEADERS })
  })
  app.get('/project/:name/json', async (c) => {
    const given = c.req.param('name')
    const view = await viewOf(given)
    if (view === undefined) return unknownProject()
    if (view.name !== given) return redirectTo(`../${view.name}/json`)
    return jsonAnswerOf(projectViewJson(view))
  })
  // As piwheels' own addresses end.
  app.get('/project/:name/', (c) => {
    const name = nameOf(c.req.param('name'))
    return name === undefined ? unknownProject() : redirectTo(`../${name}`)
  })
  app.get('/project/:name/json/', () => redirectTo('../json'))
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
