import type { Context, Hono } from 'hono'
import { messageOf } from '../core/errors.ts'
import type { FailureCauses } from '../core/failure-causes.ts'
import { isSha256 } from '../core/ids.ts'
import type { Log } from '../core/ports.ts'
import type { HttpEnv } from './http-env.ts'
import { MAX_LOG_PAGES } from './http-limits.ts'
import { inflatedText } from './inflate-log.ts'
import { logPage } from './log-page.ts'
import type { LogSource } from './log-routes.ts'
import { type BuildBook, type LogView, readLog } from './log-view.ts'
import { sendJson, sendPage } from './send-page.ts'
import { textAnswer } from './text-answer.ts'

export interface LogPageParts {
  readonly logs: LogSource
  readonly builds: BuildBook
  readonly causes: FailureCauses
  readonly log: Log
}

/** `/log/<sha256>` for people, `/log/<sha256>/json` for programs; `?from=` shows the page that begins with this line. */
export function addLogPageRoutes(app: Hono<HttpEnv>, parts: LogPageParts): void {
  const reader = new LogReader(parts)
  app.get('/log/:digest', async (c) => {
    const view = await reader.view(c)
    return view instanceof Response ? view : sendPage(c, logPage(view, lineOf(c.req.query('from'))))
  })
  app.get('/log/:digest/json', async (c) => {
    const view = await reader.view(c)
    return view instanceof Response ? view : sendJson(c, logJson(view))
  })
}

/** Reads logs for pages, a few at once: each may take many megabytes while it is looked at. */
class LogReader {
  readonly #parts: LogPageParts
  #reading = 0

  constructor(parts: LogPageParts) {
    this.#parts = parts
  }

  async view(c: Context<HttpEnv>): Promise<LogView | Response> {
    const { logs, builds, causes, log } = this.#parts
    const digest = c.req.param('digest')
    if (!isSha256(digest) || !logs.has(digest)) return textAnswer(404, 'This mesh has no such log.\n')
    if (this.#reading >= MAX_LOG_PAGES)
      return textAnswer(503, 'This node shows too many logs at the moment.\n', { 'retry-after': '5' })
    this.#reading++
    try {
      const { chunks } = await logs.open(digest, { signal: c.req.raw.signal })
      const text = await inflatedText(chunks)
      return readLog({ digest, build: builds.ofLog(digest).at(-1), text }, causes)
    } catch (error) {
      log.warn('log not available', { digest, error: messageOf(error) })
      return textAnswer(503, 'No holder of this log can be reached at the moment.\n')
    } finally {
      this.#reading--
    }
  }
}

/** From 1; undefined: where the failure is. */
function lineOf(text: string | undefined): number | undefined {
  return /^[1-9]\d{0,6}$/.test(text ?? '') ? Number(text) : undefined
}

function logJson({ digest, build, lines, isCut, fault, text }: LogView): object {
  const line = fault === undefined ? undefined : lines[fault.line]
  return {
    log: `../../logs/${digest}`,
    page: `../${digest}`,
    build: build ?? null,
    lines: lines.length,
    cut: isCut,
    fault:
      fault === undefined
        ? null
        : { line: fault.line + 1, text: line, start: fault.start, end: fault.end, apt: fault.apt ?? null },
    explanation:
      text === undefined ? null : { title: text.title, explanation: text.explanation, cure: text.cure }
  }
}
