import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context } from 'hono'
import { matchesEtag } from './conditional.ts'
import type { HttpEnv } from './http-env.ts'
import { GZIP_MIN_BYTES } from './http-limits.ts'
import { acceptsGzip } from './negotiate.ts'
import { PAGE_HEADERS } from './page-shell.ts'

const compress = promisify(gzip)

/** A body made for this answer: with a strong tag, a 304 for who has it, and small for who takes gzip. */
export async function sendText(
  c: Context<HttpEnv>,
  text: string,
  { status = 200, headers }: { readonly status?: number; readonly headers: Readonly<Record<string, string>> }
): Promise<Response> {
  const body = Buffer.from(text)
  const isSmall = body.byteLength < GZIP_MIN_BYTES || !acceptsGzip(c.req.header('accept-encoding'))
  const tag = createHash('sha256').update(body).digest('hex').slice(0, 32)
  const etag = isSmall ? `"${tag}"` : `"${tag}-gz"`
  const vary = [headers['vary'], 'Accept-Encoding'].filter((one) => one !== undefined).join(', ')
  const { 'content-type': type = '', ...lasting } = headers
  const shared = { ...lasting, vary, ...(status === 200 ? { etag } : {}) }
  if (status === 200 && matchesEtag(c.req.header('if-none-match'), etag))
    return new Response(null, { status: 304, headers: shared })
  const sent = isSmall ? body : new Uint8Array(await compress(body))
  return new Response(c.req.method === 'HEAD' ? null : sent, {
    status,
    headers: {
      ...shared,
      'content-type': type,
      'content-length': String(sent.byteLength),
      ...(isSmall ? {} : { 'content-encoding': 'gzip' })
    }
  })
}

/** A page for people. */
export function sendPage(c: Context<HttpEnv>, page: string, status = 200): Promise<Response> {
  return sendText(c, page, { status, headers: PAGE_HEADERS })
}

/** JSON for programs that look at what people see. */
export function sendJson(c: Context<HttpEnv>, value: unknown): Promise<Response> {
  return sendText(c, typeof value === 'string' ? value : JSON.stringify(value), {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*'
    }
  })
}
