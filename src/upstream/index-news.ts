import { parseProjectName } from '../core/distribution.ts'
import type { ProjectName } from '../core/ids.ts'
import { MAX_FEED_BYTES, MAX_LIST_BYTES } from '../core/limits.ts'
import type { UpstreamNews } from '../core/ports.ts'
import { UpstreamError } from '../core/upstream-error.ts'
import { ACCEPT_INDEX, collect, expectOk, type OpenIndex } from './index-request.ts'
import type { Answer } from './open-url.ts'
import { parseUpdateFeed } from './parse-feed.ts'
import { HtmlListParser, JsonListParser, type ListParser } from './project-list.ts'

/** Beside the simple index, where PyPI and what runs its software have it. */
const UPDATES_PATH = '../rss/updates.xml'

/** What an index says about all its projects: the list of PEP 691, and the feed of updates where there is one. */
export function createIndexNews(open: OpenIndex, href: string): UpstreamNews {
  return {
    async projects({ signal = new AbortController().signal, etag = '', onProject }) {
      const headers = { accept: ACCEPT_INDEX, ...(etag !== '' && { 'if-none-match': etag }) }
      const answer = await open(href, { signal, maxBytes: MAX_LIST_BYTES, headers })
      if (answer.status === 304 && etag !== '') return notModified(answer)
      const counts = await readList(expectOk(answer), onProject)
      return { kind: 'listed', etag: answer.headers.get('etag') ?? '', ...counts }
    },
    async updates({ signal = new AbortController().signal, etag = '' } = {}) {
      const url = new URL(UPDATES_PATH, href).href
      const headers = {
        accept: 'application/rss+xml, application/xml;q=0.9, text/xml;q=0.8',
        ...(etag !== '' && { 'if-none-match': etag })
      }
      const answer = await open(url, { signal, maxBytes: MAX_FEED_BYTES, headers })
      if (answer.status === 304 && etag !== '') return notModified(answer)
      if (!isFeed(answer)) {
        answer.discard()
        return { kind: 'missing' }
      }
      const text = new TextDecoder().decode(await collect(expectOk(answer).chunks()))
      return { kind: 'updates', etag: answer.headers.get('etag') ?? '', updates: parseUpdateFeed(text) }
    }
  }
}

function notModified(answer: Answer): { readonly kind: 'not-modified' } {
  answer.discard()
  return { kind: 'not-modified' }
}

/** An index that has none says so in many ways: not found, not allowed, or with a page for people. */
function isFeed({ status, headers }: Answer): boolean {
  if (status === 200) return (headers.get('content-type') ?? '').includes('xml')
  return status === 429 || status >= 500
}

async function readList(
  answer: Answer,
  onProject: (name: ProjectName, serial: number) => void
): Promise<{ readonly projects: number; readonly serials: boolean }> {
  let [projects, serials] = [0, false]
  const parser = parserFor(answer, (text, serial) => {
    const name = nameOf(text)
    if (name === undefined) return
    projects++
    serials ||= serial > 0
    onProject(name, serial)
  })
  try {
    for await (const chunk of answer.chunks()) parser.write(chunk)
    parser.end()
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new UpstreamError({ code: 'UPSTREAM_MALFORMED', url: answer.url, why: cause.message }, { cause })
  }
  return { projects, serials }
}

function parserFor(answer: Answer, onProject: (name: string, serial: number) => void): ListParser {
  const type = (answer.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  return type.endsWith('html') ? new HtmlListParser(onProject) : new JsonListParser(onProject)
}

function nameOf(text: string): ProjectName | undefined {
  try {
    return parseProjectName(text)
  } catch {
    return undefined
  }
}
