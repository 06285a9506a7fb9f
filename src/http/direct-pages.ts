import type { ProjectName } from '../core/ids.ts'
import { type DirectAnswer, isPlain } from './direct-answer.ts'
import type { IndexView, SimpleIndex } from './simple-index.ts'

export interface DirectPageParts {
  readonly views: ReadonlyMap<IndexView, SimpleIndex>
  readonly seen: (project: ProjectName, userAgent: string) => void
}

/** A project page under its normalised name, with nothing that would have to be decoded. */
const PAGE_PATH = /^\/(simple|staged|mesh\/simple)\/([a-z0-9]+(?:-[a-z0-9]+)*)\/$/

/**
 * Hot project pages past the router, whose objects for each request cost twice what the answer does. Only what it would answer just
 * so: the pages decide what is said, and whatever is unusual in a request is left to the router.
 */
export function createDirectPages({ views, seen }: DirectPageParts): DirectAnswer {
  return (incoming, outgoing) => {
    const { method, url = '', headers } = incoming
    const [, view = '', name = ''] = PAGE_PATH.exec(url) ?? []
    if (name === '' || !isPlain(incoming)) return false
    const answer = views.get(view as IndexView)?.hot(name, {
      isHead: method === 'HEAD',
      accept: headers.accept,
      acceptEncoding: headers['accept-encoding'],
      ifNoneMatch: headers['if-none-match']
    })
    if (answer === undefined) return false
    seen(name as ProjectName, headers['user-agent'] ?? '')
    outgoing.writeHead(answer.status, answer.headers as string[])
    outgoing.end(answer.body)
    return true
  }
}
