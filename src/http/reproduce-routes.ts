import type { Hono } from 'hono'
import type { Log } from '../core/ports.ts'
import { apiError } from './api-error.ts'
import { clientEnd } from './client-end.ts'
import { guardChange } from './guard-change.ts'
import type { HttpEnv } from './http-env.ts'
import { jsonLines } from './json-lines.ts'
import type { ReproduceEvent, ReproduceRequest } from './reproduce-types.ts'
import { streamBody } from './stream-body.ts'

/** Builds jobs again, for the owner. */
export interface ReproduceSource {
  /** The last event is the report, or says why there is none. */
  reproduce(request: ReproduceRequest, signal: AbortSignal): AsyncIterable<ReproduceEvent>
}

export interface ReproduceRouteParts {
  readonly reproduce: ReproduceSource
  readonly log: Log
  readonly token: string
}

const HEADERS = {
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
  'content-type': 'application/x-ndjson'
}

/** `POST /api/v1/reproduce`: streams, and needs the token. */
export function addReproduceRoutes(app: Hono<HttpEnv>, { reproduce, log, token }: ReproduceRouteParts): void {
  app.post('/api/v1/reproduce', guardChange(token), async (c) => {
    const body: unknown = await c.req.json().catch(() => undefined)
    const job =
      typeof body === 'object' && body !== null ? (body as Record<string, unknown>)['job'] : undefined
    if (typeof job !== 'string')
      throw apiError('BAD_REQUEST', 'the body is not {"job": "<project>==<version>@<target>"}')
    const ended = clientEnd(c)
    try {
      const lines = jsonLines(reproduce.reproduce({ job }, ended.signal))
      return await streamBody(c, { status: 200, headers: HEADERS }, lines, log)
    } finally {
      // Without a connection (app.request() in a test) the body is read after this.
      if (c.env.outgoing !== undefined) ended.abort(new Error('the client went away'))
    }
  })
}
