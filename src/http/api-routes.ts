import type { Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { parseProjectName } from '../core/distribution.ts'
import type { ProjectName } from '../core/ids.ts'
import type { Clock, Log } from '../core/ports.ts'
import {
  type ListFilter,
  parseInviteRequest,
  parseListFilter,
  parsePauseRequest,
  parseWantRequest
} from './api-bodies.ts'
import { ApiError, apiError, errorAnswer, jsonAnswer } from './api-error.ts'
import type {
  ActionAnswer,
  BuildView,
  InviteAnswer,
  InviteRequest,
  JobView,
  NodeAction,
  NodeView,
  PauseRequest,
  StatusView,
  UnlockView,
  WantAnswer,
  WantRequest,
  WantView,
  WhyView
} from './api-types.ts'
import { type EventSource, eventChunks } from './event-stream.ts'
import { guardChange } from './guard-change.ts'
import type { HttpEnv } from './http-env.ts'
import { MAX_BODY_BYTES, MAX_EVENT_STREAMS } from './http-limits.ts'
import { streamBody } from './stream-body.ts'

/** The node as its owner sees and steers it. Every function may throw an ApiError; it reaches the client as it is. */
export interface ControlSource extends EventSource {
  status(): Promise<StatusView>
  nodes(): Promise<readonly NodeView[]>
  /** At most `filter.limit`, the most urgent first. */
  jobs(filter: ListFilter): Promise<readonly JobView[]>
  /** At most `filter.limit`, the newest first. */
  builds(filter: ListFilter): Promise<readonly BuildView[]>
  /** What is missing on the builders, the one that would free the most first. */
  unlocks(): Promise<readonly UnlockView[]>
  /** All, or the one with that id. */
  wants(id?: string): Promise<readonly WantView[]>
  /** undefined: a name that neither upstream nor any want knows. */
  why(project: ProjectName): Promise<WhyView | undefined>
  want(request: WantRequest): Promise<WantAnswer>
  invite(request: InviteRequest): Promise<InviteAnswer>
  /** `request`: of a pause. */
  act(action: NodeAction, request: PauseRequest): Promise<ActionAnswer>
}

export interface ApiRouteParts {
  readonly control: ControlSource
  readonly clock: Clock
  readonly log: Log
  /** Who sends it may change this node. */
  readonly token: string
}

const ACTIONS: readonly NodeAction[] = ['finish', 'resume', 'leave']

/** `/api/v1/*`: reading is open to anyone, changing needs the node's token. */
export function addApiRoutes(app: Hono<HttpEnv>, parts: ApiRouteParts): void {
  addReads(app, parts.control)
  addEvents(app, parts)
  addChanges(app, parts)
  app.all('/api/*', () => errorAnswer({ code: 'NOT_FOUND', message: 'no such question', hint: '' }))
}

function addReads(app: Hono<HttpEnv>, control: ControlSource): void {
  app.get('/api/v1/status', async () => jsonAnswer(await control.status()))
  app.get('/api/v1/nodes', async () => jsonAnswer(await control.nodes()))
  app.get('/api/v1/jobs', async (c) => jsonAnswer(await control.jobs(parseListFilter(c.req.query()))))
  app.get('/api/v1/builds', async (c) => jsonAnswer(await control.builds(parseListFilter(c.req.query()))))
  app.get('/api/v1/unlocks', async () => jsonAnswer(await control.unlocks()))
  app.get('/api/v1/wants', async (c) => jsonAnswer(await control.wants(c.req.query('id'))))
  app.get('/api/v1/why/:project', async (c) => {
    const why = await control.why(projectNameOf(c.req.param('project')))
    if (why === undefined) throw apiError('NOT_FOUND', 'neither upstream nor a want knows this project')
    return jsonAnswer(why)
  })
}

function addEvents(app: Hono<HttpEnv>, { control, clock, log }: ApiRouteParts): void {
  let open = 0
  const headers = {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // nginx would hold events back until its buffer is full.
    'x-accel-buffering': 'no'
  }
  app.get('/api/v1/events', async (c) => {
    if (c.req.method === 'HEAD') return new Response(null, { headers })
    if (open >= MAX_EVENT_STREAMS) throw apiError('UNAVAILABLE', 'too many clients watch events already')
    open += 1
    const ended = endOf(c)
    try {
      return await streamBody(c, { status: 200, headers }, eventChunks(control, clock, ended.signal), log)
    } finally {
      open -= 1
      // Without a connection (app.request() in a test) the body is read after this; with one, it is over.
      if (c.env.outgoing !== undefined) ended.abort()
    }
  })
}

/** Ends with the client's connection and with the server. */
function endOf(c: Context<HttpEnv>): AbortController {
  const controller = new AbortController()
  const abort = (): void => {
    controller.abort()
  }
  c.req.raw.signal.addEventListener('abort', abort)
  const stopping = (c.env as HttpEnv['Bindings'] | undefined)?.stopping
  if (stopping?.aborted === true) abort()
  stopping?.addEventListener('abort', abort, { signal: controller.signal })
  return controller
}

function addChanges(app: Hono<HttpEnv>, { control, token }: ApiRouteParts): void {
  const guard = guardChange(token)
  const limit = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: () =>
      errorAnswer({
        code: 'TOO_LARGE',
        message: 'the body is too large',
        hint: `at most ${MAX_BODY_BYTES} bytes`
      })
  })
  app.post('/api/v1/wants', guard, limit, async (c) => {
    return jsonAnswer(await control.want(parseWantRequest(await bodyOf(c))), 201)
  })
  app.post('/api/v1/invites', guard, limit, async (c) => {
    return jsonAnswer(await control.invite(parseInviteRequest(await bodyOf(c))), 201)
  })
  app.post('/api/v1/pause', guard, limit, async (c) => {
    return jsonAnswer(await control.act('pause', parsePauseRequest(await bodyOf(c))))
  })
  for (const action of ACTIONS) {
    app.post(`/api/v1/${action}`, guard, limit, async () => jsonAnswer(await control.act(action, {})))
  }
}

async function bodyOf(c: Context<HttpEnv>): Promise<unknown> {
  const text = await c.req.text()
  try {
    return JSON.parse(text)
  } catch {
    throw apiError('BAD_REQUEST', 'the body is not JSON')
  }
}

function projectNameOf(text: string): ProjectName {
  try {
    return parseProjectName(text)
  } catch {
    throw apiError('BAD_REQUEST', 'not a project name')
  }
}

/** Turns whatever a route of the API threw into its answer; undefined for what is a fault of ours. */
export function refusalOf(error: unknown): Response | undefined {
  return error instanceof ApiError ? errorAnswer(error.detail) : undefined
}
