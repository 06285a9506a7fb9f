import type { Context, Hono } from 'hono'
import { parseProjectName } from '../core/distribution.ts'
import type { ProjectName } from '../core/ids.ts'
import { type AtomEntry, type AtomFeed, atomXml } from './atom.ts'
import type { HttpEnv } from './http-env.ts'
import { MAX_FEED_ENTRIES } from './http-limits.ts'
import type { LogBuildView } from './log-view.ts'
import { sendText } from './send-page.ts'
import { redirectTo, textAnswer } from './text-answer.ts'
import { durationText } from './words.ts'

/** A build that a feed tells of. */
export interface FeedBuild extends LogBuildView {
  /** Of its result: the same on every node. */
  readonly recordId: string
  readonly log: string
}

export interface FeedSource {
  readonly meshId: string
  readonly mesh: string
  readonly createdMs: number
  /** The newest builds whose wheels are listed, of one project if one is named. Newest first. */
  wheels(limit: number, project?: ProjectName): readonly FeedBuild[]
  /** The newest builds that failed for a reason of the package. Newest first. */
  failures(limit: number): readonly FeedBuild[]
}

/** `/feeds/wheels.atom`, `/feeds/failures.atom`, `/project/<name>/wheels.atom`. */
export function addFeedRoutes(app: Hono<HttpEnv>, source: FeedSource): void {
  app.get('/feeds/wheels.atom', (c) => {
    const builds = source.wheels(MAX_FEED_ENTRIES)
    return sendFeed(c, source, {
      path: 'feeds/wheels.atom',
      title: `New wheels of ${source.mesh}`,
      page: './',
      builds
    })
  })
  app.get('/feeds/failures.atom', (c) => {
    const builds = source.failures(MAX_FEED_ENTRIES)
    return sendFeed(c, source, {
      path: 'feeds/failures.atom',
      title: `Failed builds of ${source.mesh}`,
      page: './',
      builds
    })
  })
  app.get('/project/:name/wheels.atom', (c) => {
    const given = c.req.param('name')
    const name = nameOf(given)
    if (name === undefined) return textAnswer(404, 'No project has such a name.\n')
    if (name !== given) return redirectTo(`../${name}/wheels.atom`)
    const title = `New wheels of ${name} by ${source.mesh}`
    const path = `project/${name}/wheels.atom`
    return sendFeed(c, source, {
      path,
      title,
      page: `project/${name}`,
      builds: source.wheels(MAX_FEED_ENTRIES, name)
    })
  })
}

interface FeedParts {
  /** From the node's root. */
  readonly path: string
  readonly title: string
  readonly page: string
  readonly builds: readonly FeedBuild[]
}

function sendFeed(
  c: Context<HttpEnv>,
  source: FeedSource,
  { path, title, page, builds }: FeedParts
): Promise<Response> {
  const root = new URL('/', c.req.url)
  const feed: AtomFeed = {
    key: `${source.meshId} ${path}`,
    title,
    author: source.mesh,
    self: new URL(path, root).href,
    page: new URL(page, root).href,
    createdMs: source.createdMs,
    entries: builds.map((build) => entryOf(build, source, root))
  }
  return sendText(c, atomXml(feed), {
    headers: {
      'content-type': 'application/atom+xml; charset=utf-8',
      'cache-control': 'max-age=60',
      'x-content-type-options': 'nosniff'
    }
  })
}

function entryOf(build: FeedBuild, { meshId }: FeedSource, root: URL): AtomEntry {
  const { project, version, target, failure, label, builder } = build
  const who = label === '' ? builder : label
  const how =
    failure === undefined
      ? `${build.wheel?.filename ?? ''}, built by ${who} in ${durationText(build.durationMs)}`
      : `${failure.reason} (by ${who}, after ${durationText(build.durationMs)})`
  return {
    key: `${meshId} ${build.recordId}`,
    title: `${project} ${version} ${failure === undefined ? 'built' : 'failed'} for ${target}`,
    author: who,
    page: new URL(failure === undefined ? `project/${project}` : `log/${build.log}`, root).href,
    updatedMs: build.finishedMs,
    summary: how
  }
}

function nameOf(text: string): ProjectName | undefined {
  try {
    return parseProjectName(text)
  } catch {
    return undefined
  }
}
