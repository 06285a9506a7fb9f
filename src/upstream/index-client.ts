import { setTimeout as sleep } from 'node:timers/promises'
import { sha256Hex } from '../core/digest.ts'
import type { ProjectName } from '../core/ids.ts'
import { MAX_PAGE_BYTES, UPSTREAM_TIMEOUT_MS } from '../core/limits.ts'
import type { UpstreamAnswer, UpstreamIndex } from '../core/ports.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { canonicalPage } from './canonical-page.ts'
import { createIndexNews } from './index-news.ts'
import { ACCEPT_INDEX, collect, expectOk, type IndexRequest, type OpenIndex } from './index-request.ts'
import { openUrl, type Answer, type Fetch } from './open-url.ts'
import { createSingleFlight } from './single-flight.ts'
import { createSlots } from './slots.ts'

export interface IndexClientOptions {
  /** Of the simple index, http or https; a user and password in it are sent to that origin only. */
  readonly indexUrl: string
  /** Says who asks and how to reach them, as the index's operators ask for. */
  readonly userAgent: string
  readonly fetch?: Fetch
  readonly timeoutMs?: number
  /** Waits before each further try; their number bounds the tries. */
  readonly retryWaitsMs?: readonly number[]
}

/** Pages and files at once: an index asks its mirrors to be serial rather than parallel. */
const MAX_PAGES_AT_ONCE = 6
const MAX_DOWNLOADS_AT_ONCE = 4
const RETRY_WAITS_MS = [500, 2_000]

/** Reads the index that the mesh follows, politely: conditional, bounded, never twice at once for one project. */
export function createIndexClient(options: IndexClientOptions): UpstreamIndex {
  const { href, authorization } = splitCredentials(options.indexUrl)
  const pages = createSlots(MAX_PAGES_AT_ONCE)
  const downloads = createSlots(MAX_DOWNLOADS_AT_ONCE)
  const flights = createSingleFlight<UpstreamAnswer>()
  const waits = options.retryWaitsMs ?? RETRY_WAITS_MS

  function open(url: string, request: IndexRequest): Promise<Answer> {
    const sameOrigin = new URL(url).origin === new URL(href).origin
    return openUrl(url, {
      fetch: options.fetch ?? fetch,
      timeoutMs: options.timeoutMs ?? UPSTREAM_TIMEOUT_MS,
      signal: request.signal,
      maxBytes: request.maxBytes,
      headers: {
        'user-agent': options.userAgent,
        ...(authorization !== undefined && sameOrigin && { authorization }),
        ...request.headers
      }
    })
  }

  async function project(name: ProjectName, etag: string, signal: AbortSignal): Promise<UpstreamAnswer> {
    const release = await pages.take(signal)
    try {
      return await withRetries(waits, signal, () =>
        fetchPage(open, `${href}${name}/`, { name, etag, signal })
      )
    } finally {
      release()
    }
  }

  return {
    news: createIndexNews(open, href),
    project: (name, { signal, etag = '' } = {}) =>
      flights.run(`${name} ${etag}`, signal, (shared) => project(name, etag, shared)),
    async *download(url, { signal = new AbortController().signal, maxBytes }) {
      if (!URL.canParse(url)) throw new UpstreamError({ code: 'UPSTREAM_MALFORMED', url, why: 'not a URL' })
      const release = await downloads.take(signal)
      try {
        const request = { signal, maxBytes, headers: { 'accept-encoding': 'identity' } }
        const answer = await withRetries(waits, signal, async () => expectOk(await open(url, request)))
        yield* answer.chunks()
      } finally {
        release()
      }
    }
  }
}

interface PageRequest {
  readonly name: ProjectName
  readonly etag: string
  readonly signal: AbortSignal
}

async function fetchPage(
  open: OpenIndex,
  url: string,
  { name, etag, signal }: PageRequest
): Promise<UpstreamAnswer> {
  const headers = { accept: ACCEPT_INDEX, ...(etag !== '' && { 'if-none-match': etag }) }
  const answer = await open(url, { signal, maxBytes: MAX_PAGE_BYTES, headers })
  const notModified = answer.status === 304 && etag !== ''
  if (notModified || answer.status === 404 || answer.status === 410) {
    answer.discard()
    return { kind: notModified ? 'not-modified' : 'missing' }
  }
  const body = await collect(expectOk(answer).chunks())
  const page = canonicalPage({
    name,
    url: answer.url,
    contentType: answer.headers.get('content-type') ?? '',
    body,
    headerSerial: serialOf(answer.headers)
  })
  // What we pass on must fit the bound that others read it by, though absolute URLs made it longer.
  if (page.body.byteLength > MAX_PAGE_BYTES) {
    throw new UpstreamError({ code: 'UPSTREAM_TOO_LARGE', url, maxBytes: MAX_PAGE_BYTES })
  }
  // An index without ETags is compared by what it says: unchanged is unchanged, though it had to be fetched.
  const tag = answer.headers.get('etag') ?? `"sha256-${sha256Hex(page.body)}"`
  return tag === etag ? { kind: 'not-modified' } : { kind: 'page', page: { ...page, etag: tag } }
}

/** Tries again only what may be better in a moment: no answer, "too many requests", and the server's own faults. */
async function withRetries<T>(
  waitsMs: readonly number[],
  signal: AbortSignal,
  attempt: () => Promise<T>
): Promise<T> {
  for (const waitMs of waitsMs) {
    try {
      return await attempt()
    } catch (error) {
      if (!isPassing(error)) throw error
      await sleep(waitMs, undefined, { signal }).catch(() => {
        signal.throwIfAborted()
      })
    }
  }
  return attempt()
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof UpstreamError) || error.detail.code !== 'UPSTREAM_UNAVAILABLE') return false
  const { status, retryAfterMs } = error.detail
  // One that says when is not asked before.
  if (retryAfterMs !== undefined) return false
  return status === 0 || status === 429 || status >= 500
}

function serialOf(headers: Headers): number {
  const serial = Number(headers.get('x-pypi-last-serial') ?? 0)
  return Number.isSafeInteger(serial) && serial >= 0 ? serial : 0
}

/** fetch refuses URLs with credentials, and no error or page of ours may show them. */
function splitCredentials(indexUrl: string): { href: string; authorization?: string } {
  const url = new URL(indexUrl)
  const { username, password } = url
  url.username = ''
  url.password = ''
  const href = url.href.endsWith('/') ? url.href : `${url.href}/`
  if (username === '' && password === '') return { href }
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { href, authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}
