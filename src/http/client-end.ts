import type { Context } from 'hono'
import type { HttpEnv } from './http-env.ts'

/** Ends with the client's connection. */
export function clientEnd(c: Context<HttpEnv>): AbortController {
  const controller = new AbortController()
  c.req.raw.signal.addEventListener('abort', () => {
    controller.abort(new Error('the client went away'))
  })
  return controller
}
