import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * Answers a request past the router, or says false and touches nothing. What turns out to be the router's only later, with nothing sent
 * yet, goes to `otherwise`.
 */
export type DirectAnswer = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  otherwise: () => void
) => boolean

/** Hosts that the router takes without looking closer; it refuses some others. */
const PLAIN_HOST = /^[a-z0-9._-]+(?::(?:[1-5]\d{3,4}|[6-9]\d{3}))?$/

/** A reading request with a host like any other and without a body. */
export function isPlain({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false
  return PLAIN_HOST.test(headers.host ?? '')
}
