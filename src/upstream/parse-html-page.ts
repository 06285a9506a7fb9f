import { Parser } from 'htmlparser2'
import type { ProjectName } from '../core/ids.ts'

/** What both kinds of page become before they are made canonical: the keys of PEP 691. */
export interface JsonPage {
  readonly meta: Record<string, unknown>
  readonly files: readonly Record<string, unknown>[]
  readonly [key: string]: unknown
}

type Attributes = Readonly<Record<string, string | undefined>>

/** Digests that a link may carry in its fragment (PEP 503). */
const HASH_FRAGMENT = /(?:^|&)(md5|sha1|sha224|sha256|sha384|sha512)=([0-9a-f]+)/i

/** The parser's work grows with the square of the nesting; real pages have 3 levels, and sloppy ones close nothing. */
const MAX_HTML_DEPTH = 20_000

/**
 * Reads an HTML page of a simple index (PEP 503, 592, 629, 658, 714, 740, 792) as the JSON that PEP 691 makes of it.
 * Throws a RangeError when it is nested too deep.
 */
export function parseHtmlPage(html: string, url: string, name: ProjectName): JsonPage {
  const files: Record<string, unknown>[] = []
  const meta: Record<string, unknown> = { 'api-version': '1.0' }
  const status: Record<string, string> = {}
  let base = url
  let depth = 0
  const parser = new Parser({
    onopentag(tag, attributes: Attributes) {
      if (++depth > MAX_HTML_DEPTH) throw new RangeError('HTML nested too deep')
      if (tag === 'a') files.push(...fileOf(attributes, base))
      else if (tag === 'base') base = resolve(attributes['href'], url) ?? base
      else if (tag === 'meta') readMeta(attributes, meta, status)
    },
    onclosetag() {
      depth -= 1
    }
  })
  parser.end(html)
  return { meta, name, files, ...(status['status'] === undefined ? {} : { 'project-status': status }) }
}

/** PEP 629's version, PEP 792's status. */
function readMeta(
  { name, content = '' }: Attributes,
  meta: Record<string, unknown>,
  status: Record<string, string>
): void {
  if (name === 'pypi:repository-version') meta['api-version'] = content
  else if (name === 'pypi:project-status') status['status'] = content
  else if (name === 'pypi:project-status-reason') status['reason'] = content
}

/** As pip does, the name is the last segment of the URL, not the text of the link. */
function fileOf(attributes: Attributes, base: string): readonly Record<string, unknown>[] {
  const href = resolve(attributes['href'], base)
  if (href === undefined) return []
  const url = new URL(href)
  const [, algorithm, digest] = HASH_FRAGMENT.exec(url.hash.slice(1)) ?? []
  url.hash = ''
  const filename = lastSegment(url)
  if (filename === '') return []
  return [
    {
      filename,
      url: url.href,
      hashes: algorithm && digest ? { [algorithm.toLowerCase()]: digest.toLowerCase() } : {},
      ...optionalKeys(attributes)
    }
  ]
}

function optionalKeys(attributes: Attributes): Record<string, unknown> {
  const requiresPython = attributes['data-requires-python']
  const yanked = attributes['data-yanked']
  const metadata = attributes['data-core-metadata'] ?? attributes['data-dist-info-metadata']
  const signed = attributes['data-gpg-sig']
  const provenance = attributes['data-provenance']
  return {
    ...(requiresPython && { 'requires-python': requiresPython }),
    ...(yanked !== undefined && { yanked: yanked || true }),
    ...(metadata !== undefined && { 'core-metadata': metadataOf(metadata) }),
    ...(signed && { 'gpg-sig': signed === 'true' }),
    ...(provenance && { provenance })
  }
}

/** PEP 714: `true`, or `<hash>=<value>`. */
function metadataOf(text: string): boolean | Record<string, string> {
  const [, algorithm, digest] = HASH_FRAGMENT.exec(text) ?? []
  return algorithm && digest ? { [algorithm.toLowerCase()]: digest.toLowerCase() } : text === 'true'
}

function resolve(href: string | undefined, base: string): string | undefined {
  return href !== undefined && URL.canParse(href, base) ? new URL(href, base).href : undefined
}

function lastSegment(url: URL): string {
  const segment = url.pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
