import type { Hono } from 'hono'
import { searchScript } from './assets.ts'
import type { HttpEnv } from './http-env.ts'
import { sendText } from './send-page.ts'
import { textAnswer } from './text-answer.ts'

/** `/assets/<digest>/search.js`: kept for ever by whoever has it. */
export function addAssetRoutes(app: Hono<HttpEnv>): void {
  const { path, text } = searchScript()
  app.get('/assets/:digest/:name', (c) => {
    if (c.req.path !== `/${path}`) return textAnswer(404, 'Nothing is here.\n')
    return sendText(c, text, {
      headers: {
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'public, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff'
      }
    })
  })
}
