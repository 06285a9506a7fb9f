import { Hono } from 'hono'
import { messageOf } from '../core/errors.ts'
import type { ProjectName } from '../core/ids.ts'
import type { Clock, Log } from '../core/ports.ts'
import { errorAnswer } from './api-error.ts'
import { type ControlSource, addApiRoutes, refusalOf } from './api-routes.ts'
import type { DemandDesk } from './demand.ts'
import { type FileSource, addFileRoutes } from './file-routes.ts'
import { type HealthSource, addHealthRoutes } from './health-routes.ts'
import type { HttpEnv } from './http-env.ts'
import { type LogSource, addLogRoutes } from './log-routes.ts'
import { type PeopleParts, addPeopleRoutes } from './people-routes.ts'
import type { ProjectSource } from './project-routes.ts'
import type { DirectAnswer } from './direct-answer.ts'
import { createDirectFiles } from './direct-files.ts'
import { createDirectPages } from './direct-pages.ts'
import { createPageCaches, type IndexSource, type IndexView, SimpleIndex } from './simple-index.ts'
import { addReproduceRoutes, type ReproduceSource } from './reproduce-routes.ts'
import { addSimpleRoutes } from './simple-routes.ts'
import { type StorageSource, addStorageRoutes } from './storage-routes.ts'
import { textAnswer } from './text-answer.ts'

export interface AppParts {
  readonly index: IndexSource
  /** The index for builds of atomic batches: also what is not listed yet. */
  readonly staged: IndexSource
  /** Told of what clients ask for; undefined: nobody wants to know. */
  readonly demand?: Pick<DemandDesk, 'seen'>
  readonly files: FileSource
  readonly logs: LogSource
  readonly projects: ProjectSource
  /** The pages for people. */
  readonly people: PeopleParts
  readonly control: ControlSource
  readonly health: HealthSource
  readonly storage: StorageSource
  /** Undefined where nothing is ever built. */
  readonly reproduce?: ReproduceSource
  readonly clock: Clock
  readonly log: Log
}

export interface AppOptions {
  /** Who sends it may change this node. */
  readonly token: string
}

/** The routes, and in front of them what is answered at once. */
export interface NodeApp extends Hono<HttpEnv> {
  readonly direct: DirectAnswer
}

/** Every route of a node, none of them with middleware in front: the index is asked a thousand times for each other. */
export function createApp(parts: AppParts, { token }: AppOptions): NodeApp {
  const { files, logs, log, clock, control } = parts
  const app = new Hono<HttpEnv>()
  const pages = addIndex(app, parts)
  const direct = eitherOf(pages, createDirectFiles(files))
  addFileRoutes(app, { files, log })
  addLogRoutes(app, { logs, log })
  addPeopleRoutes(app, parts.people, { projects: parts.projects, logs, log })
  addHealthRoutes(app, parts.health)
  addStorageRoutes(app, { storage: parts.storage, log, token })
  if (parts.reproduce !== undefined) addReproduceRoutes(app, { reproduce: parts.reproduce, log, token })
  addApiRoutes(app, { control, clock, log, token })
  app.notFound(() => textAnswer(404, 'Nothing is here.\n'))
  app.onError((error, c) => {
    const refusal = refusalOf(error)
    if (refusal !== undefined) return refusal
    log.error('request failed', { path: c.req.path, error: messageOf(error) })
    if (!c.req.path.startsWith('/api/'))
      return textAnswer(500, 'This node failed to answer; its log says why.\n')
    return errorAnswer({ code: 'INTERNAL', message: 'this node failed to answer', hint: 'its log says why' })
  })
  return Object.assign(app, { direct })
}

function eitherOf(first: DirectAnswer, second: DirectAnswer): DirectAnswer {
  return (...request) => first(...request) || second(...request)
}

/** The views of the index; what it returns answers their hot pages. */
function addIndex(app: Hono<HttpEnv>, { index, staged, demand, log }: AppParts): DirectAnswer {
  const caches = createPageCaches()
  const sources: readonly (readonly [IndexView, IndexSource])[] = [
    ['simple', index],
    ['staged', staged],
    ['mesh/simple', index]
  ]
  const views = new Map(sources.map(([view, source]) => [view, new SimpleIndex(view, source, caches)]))
  const seen = (project: ProjectName, userAgent: string): void => demand?.seen(project, userAgent)
  for (const [at, pages] of views) addSimpleRoutes(app, { pages, at, seen, log })
  return createDirectPages({ views, seen })
}
