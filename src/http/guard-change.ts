import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import { apiError } from './api-error.ts'
import type { HttpEnv } from './http-env.ts'

/**
 * Lets a request through that may change something: by a program of the node's owner, who can read the token in the
 * data folder, and by no web page of another site that the owner happens to look at.
 */
export function guardChange(token: string): MiddlewareHandler<HttpEnv> {
  const expected = digest(`Bearer ${token}`)
  return async (c, next) => {
    refuseCrossSite({
      host: c.req.header('host'),
      origin: c.req.header('origin'),
      fetchSite: c.req.header('sec-fetch-site')
    })
    // An empty token would make the string "Bearer " a key.
    const given = digest(c.req.header('authorization') ?? '')
    if (token === '' || !timingSafeEqual(given, expected)) {
      throw apiError(
        'UNAUTHORIZED',
        'this needs the token of the node',
        'it is in the data folder, mode 0600'
      )
    }
    const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
    if (type !== 'application/json') {
      throw apiError('WRONG_CONTENT_TYPE', 'the body must be JSON', 'send Content-Type: application/json')
    }
    await next()
  }
}

/** Equal lengths, so that the comparison takes the same time whatever was given. */
function digest(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}

interface Provenance {
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly fetchSite: string | undefined
}

/**
 * Browsers always send `Origin` with a POST; programs do not. The page must come from this very node, and the node must
 * be called by a name that no outsider can point at it (DNS rebinding).
 */
function refuseCrossSite({ host = '', origin, fetchSite }: Provenance): void {
  const fromElsewhere = fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none'
  const foreign = origin !== undefined && (hostOfOrigin(origin) !== host.toLowerCase() || !isOwnName(host))
  if (fromElsewhere || foreign) {
    throw apiError('FORBIDDEN', 'a page of another site may not change this node', 'use the command line')
  }
}

function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

/** An address, `localhost`, a name of the local network: nothing that a stranger's name server answers for. */
function isOwnName(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
  return isIP(name) !== 0 || !name.includes('.') || name.endsWith('.local') || name.endsWith('.localhost')
}
