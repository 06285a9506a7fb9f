import type { ProjectName } from '../core/ids.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { parseHtmlPage } from './parse-html-page.ts'
import { serialOf } from './serial.ts'

export interface FetchedPage {
  readonly name: ProjectName
  /** Of the answer, after redirects: what relative URLs are relative to. */
  readonly url: string
  readonly contentType: string
  readonly body: Uint8Array
  /** `X-PyPI-Last-Serial`, 0 without it. */
  readonly headerSerial: number
}

export interface CanonicalPage {
  /** 0 where the index knows none. */
  readonly serial: number
  /** UTF-8 JSON by PEP 691. */
  readonly body: Uint8Array
}

/** The simple API nests 4 deep; what is much deeper is an attack on the stack. */
const MAX_JSON_DEPTH = 32

/**
 * The page of any simple index as one form of PEP 691 JSON: keys sorted, files in upstream's order, URLs absolute,
 * unknown keys kept. The same page gives the same bytes on every node, whatever spelling it was served in.
 */
export function canonicalPage(fetched: FetchedPage): CanonicalPage {
  const page = parsePage(fetched)
  const meta = isObject(page['meta']) ? page['meta'] : {}
  const serial = serialOf(meta['_last-serial']) ?? fetched.headerSerial
  const files = page['files']
  if (!Array.isArray(files)) throw malformed(fetched, 'no list of files')
  const canonical = {
    ...page,
    meta: { ...(serial > 0 && { '_last-serial': serial }), ...meta },
    name: fetched.name,
    files: files.map((file: unknown) => withAbsoluteUrl(file, fetched.url))
  }
  const text = orMalformed(fetched, 'nested too deep', () => JSON.stringify(sorted(canonical, 0)))
  return { serial, body: new TextEncoder().encode(text) }
}

function parsePage(fetched: FetchedPage): Record<string, unknown> {
  const type = (fetched.contentType.split(';')[0] ?? '').trim().toLowerCase()
  const text = new TextDecoder().decode(fetched.body)
  if (type === 'text/html' || type === 'application/vnd.pypi.simple.v1+html') {
    return orMalformed(fetched, 'nested too deep', () => parseHtmlPage(text, fetched.url, fetched.name))
  }
  if (type !== 'application/json' && type !== 'application/vnd.pypi.simple.v1+json') {
    throw malformed(fetched, `content type ${type === '' ? 'missing' : type.slice(0, 80)}`)
  }
  const json = orMalformed(fetched, 'not JSON', () => JSON.parse(text) as unknown)
  if (!isObject(json)) throw malformed(fetched, 'not a JSON object')
  return json
}

function orMalformed<T>(fetched: FetchedPage, why: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw malformed(fetched, why, cause)
  }
}

function withAbsoluteUrl(file: unknown, base: string): unknown {
  const url = isObject(file) ? file['url'] : undefined
  if (!isObject(file) || typeof url !== 'string' || !URL.canParse(url, base)) return file
  return { ...file, url: new URL(url, base).href }
}

function sorted(value: unknown, depth: number): unknown {
  if (depth > MAX_JSON_DEPTH) throw new RangeError('nested too deep')
  if (Array.isArray(value)) return value.map((item) => sorted(item, depth + 1))
  if (!isObject(value)) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item, depth + 1)]))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(fetched: FetchedPage, why: string, cause?: unknown): UpstreamError {
  return new UpstreamError({ code: 'UPSTREAM_MALFORMED', url: fetched.url, why }, { cause })
}
