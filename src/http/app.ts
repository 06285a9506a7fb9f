import { Hono } from 'hono'
import { messageOf } from '../core/errors.ts'
import type { Clock, Log } from '../core/ports.ts'
import { errorAnswer } from './api-error.ts'
import { type ControlSource, addApiRoutes, refusalOf } from './api-routes.ts'
import { type FileSource, addFileRoutes } from './file-routes.ts'
import { frontPage, frontText } from './front-page.ts'
import { type HealthSource, addHealthRoutes } from './health-routes.ts'
import type { HttpEnv } from './http-env.ts'
import { type LogSource, addLogRoutes } from './log-routes.ts'
import { PAGE_HEADERS } from './page-shell.ts'
import { type ProjectSource, addProjectRoutes } from './project-routes.ts'
import { type IndexSource, addSimpleRoutes } from './simple-routes.ts'
import { type StorageSource, addStorageRoutes } from './storage-routes.ts'
import { textAnswer } from './text-answer.ts'

export interface AppParts {
  readonly index: IndexSource
  /** The index for builds of atomic batches: also what is not listed yet. */
  readonly staged: IndexSource
  readonly files: FileSource
  readonly logs: LogSource
  readonly projects: ProjectSource
  readonly control: ControlSource
  readonly health: HealthSource
  readonly storage: StorageSource
  readonly clock: Clock
  readonly log: Log
}

export interface AppOptions {
  /** Who sends it may change this node. */
  readonly token: string
}

/** Every route of a node, none of them with middleware in front: the index is asked a thousand times for each other. */
export function createApp(parts: AppParts, { token }: AppOptions): Hono<HttpEnv> {
  const { index, files, logs, log, clock, control } = parts
  const app = new Hono<HttpEnv>()
  addSimpleRoutes(app, { index, log })
  addSimpleRoutes(app, { index: parts.staged, log, at: 'staged' })
  addFileRoutes(app, { files, log })
  addLogRoutes(app, { logs, log })
  addProjectRoutes(app, parts.projects)
  addHealthRoutes(app, parts.health)
  addStorageRoutes(app, { storage: parts.storage, log, token })
  addApiRoutes(app, { control, clock, log, token })
  addFront(app, control)
  app.notFound(() => textAnswer(404, 'Nothing is here.\n'))
  app.onError((error, c) => {
    const refusal = refusalOf(error)
    if (refusal !== undefined) return refusal
    log.error('request failed', { path: c.req.path, error: messageOf(error) })
    if (!c.req.path.startsWith('/api/'))
      return textAnswer(500, 'This node failed to answer; its log says why.\n')
    return errorAnswer({ code: 'INTERNAL', message: 'this node failed to answer', hint: 'its log says why' })
  })
  return app
}

function addFront(app: Hono<HttpEnv>, control: ControlSource): void {
  app.get('/', async (c) => {
    const status = await control.status()
    const wanted = c.req.header('accept')?.includes('text/html') === true
    return wanted
      ? new Response(frontPage(status, c.req.url), { headers: PAGE_HEADERS })
      : textAnswer(200, frontText(status, c.req.url))
  })
}
