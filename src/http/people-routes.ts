import type { Hono } from 'hono'
import type { FailureCauses } from '../core/failure-causes.ts'
import type { Log } from '../core/ports.ts'
import { addAssetRoutes } from './asset-routes.ts'
import { type FeedSource, addFeedRoutes } from './feed-routes.ts'
import { type HomeSource, addFrontRoutes } from './front-page.ts'
import type { HttpEnv } from './http-env.ts'
import { addLogPageRoutes } from './log-page-routes.ts'
import type { LogSource } from './log-routes.ts'
import type { BuildBook } from './log-view.ts'
import type { Ask } from './project-ask.ts'
import { type ProjectSource, addProjectRoutes } from './project-routes.ts'
import { type SearchSource, addSearchRoutes } from './search-routes.ts'

/** What the pages for people show. */
export interface PeopleParts {
  readonly home: HomeSource
  readonly search: SearchSource
  readonly feeds: FeedSource
  readonly builds: BuildBook
  readonly causes: FailureCauses
  readonly ask: Ask
}

/** Home, search, projects, logs and feeds: everything that a person looks at, and the same for programs. */
export function addPeopleRoutes(
  app: Hono<HttpEnv>,
  people: PeopleParts,
  shared: { readonly projects: ProjectSource; readonly logs: LogSource; readonly log: Log }
): void {
  const { home, search, feeds, builds, causes, ask } = people
  const { projects, logs, log } = shared
  addFrontRoutes(app, home)
  addSearchRoutes(app, search)
  addProjectRoutes(app, { projects, causes, ask, log })
  addLogPageRoutes(app, { logs, builds, causes, log })
  addFeedRoutes(app, feeds)
  addAssetRoutes(app)
}
