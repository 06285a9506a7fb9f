import type { Context, Hono } from 'hono'
import type { Log } from '../core/ports.ts'
import { apiError } from './api-error.ts'
import { clientEnd } from './client-end.ts'
import type { EntriesRequest, VerifyEvent, VerifyRequest } from './verify-types.ts'
import { guardChange } from './guard-change.ts'
import type { HttpEnv } from './http-env.ts'
import { jsonLines } from './json-lines.ts'
import { begun, streamBody } from './stream-body.ts'

/** The data folder of a running node, for commands of its owner that cannot open the database themselves. */
export interface StorageSource {
  /** Reads all of it; the last event is the report. */
  verify(request: VerifyRequest, signal: AbortSignal): AsyncIterable<VerifyEvent>
  /** Envelopes of the own feeds, or of all, each after its length in four bytes (big-endian). */
  entries(request: EntriesRequest): AsyncIterable<Uint8Array>
}

export interface StorageRouteParts {
  readonly storage: StorageSource
  readonly log: Log
  readonly token: string
}

const STREAM_HEADERS = { 'cache-control': 'no-store', 'x-accel-buffering': 'no' }

/** `POST /api/v1/verify` and `/api/v1/entries`: both stream, and both need the token. */
export function addStorageRoutes(app: Hono<HttpEnv>, { storage, log, token }: StorageRouteParts): void {
  const guard = guardChange(token)
  app.post('/api/v1/verify', guard, async (c) => {
    const request = await flagOf(c, 'repair')
    const ended = clientEnd(c)
    try {
      const lines = jsonLines(storage.verify({ repair: request }, ended.signal))
      const headers = { ...STREAM_HEADERS, 'content-type': 'application/x-ndjson' }
      return await streamBody(c, { status: 200, headers }, lines, log)
    } finally {
      // Without a connection (app.request() in a test) the body is read after this.
      if (c.env.outgoing !== undefined) ended.abort(new Error('the client went away'))
    }
  })
  app.post('/api/v1/entries', guard, async (c) => {
    const all = await flagOf(c, 'all')
    const headers = { ...STREAM_HEADERS, 'content-type': 'application/octet-stream' }
    return streamBody(c, { status: 200, headers }, await begun(storage.entries({ all })), log)
  })
}

async function flagOf(c: Context<HttpEnv>, name: string): Promise<boolean> {
  const body: unknown = await c.req.json().catch(() => undefined)
  const value =
    typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined
  if (typeof value !== 'boolean') throw apiError('BAD_REQUEST', `the body is not {"${name}": true or false}`)
  return value
}
