import type { Context, Hono } from 'hono'
import { messageOf } from '../core/errors.ts'
import { type Sha256, isSha256 } from '../core/ids.ts'
import type { AbortOptions, Log } from '../core/ports.ts'
import { matchesEtag } from './conditional.ts'
import type { OpenedFile } from './file-routes.ts'
import type { HttpEnv } from './http-env.ts'
import { inflated } from './inflate-log.ts'
import { acceptsGzip } from './negotiate.ts'
import { begun, streamBody } from './stream-body.ts'
import { textAnswer } from './text-answer.ts'

export interface LogSource {
  /** Whether some result names this blob as its log: nothing else is served here. */
  has(digest: Sha256): boolean
  /** Gzip-compressed UTF-8 text; rejects when nobody has it. */
  open(digest: Sha256, options?: AbortOptions): Promise<OpenedFile>
}

export interface LogRouteParts {
  readonly logs: LogSource
  readonly log: Log
}

/** `/logs/<sha256>`: a build log, compressed as it is stored, or inflated for whoever cannot. */
export function addLogRoutes(app: Hono<HttpEnv>, parts: LogRouteParts): void {
  app.get('/logs/:digest', async (c) => {
    const digest = c.req.param('digest')
    if (!isSha256(digest) || !parts.logs.has(digest)) return textAnswer(404, 'This mesh has no such log.\n')
    return sendLog(c, digest, parts)
  })
}

async function sendLog(c: Context<HttpEnv>, digest: Sha256, parts: LogRouteParts): Promise<Response> {
  const gzip = acceptsGzip(c.req.header('accept-encoding'))
  const etag = gzip ? `"${digest}-gz"` : `"${digest}"`
  const lasting = { etag, vary: 'Accept-Encoding', 'cache-control': 'public, max-age=365000000, immutable' }
  if (matchesEtag(c.req.header('if-none-match'), etag)) {
    return new Response(null, { status: 304, headers: lasting })
  }
  const headers = {
    ...lasting,
    // Whatever a build printed stays text in a browser.
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    ...(gzip && { 'content-encoding': 'gzip' })
  }
  if (c.req.method === 'HEAD') return new Response(null, { headers })
  try {
    const { size, chunks } = await parts.logs.open(digest, { signal: c.req.raw.signal })
    const head = { status: 200, headers: gzip ? { ...headers, 'content-length': String(size) } : headers }
    return await streamBody(
      c,
      head,
      await begun(gzip ? chunks : inflated(chunks), gzip ? size : undefined),
      parts.log
    )
  } catch (error) {
    parts.log.warn('log not available', { digest, error: messageOf(error) })
    return textAnswer(503, 'No holder of this log can be reached at the moment.\n')
  }
}
