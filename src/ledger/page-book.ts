import type { ProjectName, Sha256 } from '../core/ids.ts'
import { releasesOf, type Release } from '../core/releases.ts'
import { parseProjectPage } from '../core/parse-project-page.ts'
import type { ProjectPage } from '../core/project-page.ts'
import type { Observation, Observations } from './observations.ts'

/** Parsed pages kept whole, for the index; their releases, which the queue needs, are kept for every project. */
const MAX_PAGES = 200

interface KnownReleases {
  readonly digest: Sha256
  readonly releases: readonly Release[]
}

/** Pages whose bytes this node holds, parsed: of the newest observation of each project. */
export interface PageBook {
  /** Digest and releases of the newest page, if it was ever loaded. */
  releases(project: ProjectName): KnownReleases | undefined
  /** The newest page itself, unless many others were used since. */
  page(project: ProjectName): ProjectPage | undefined
  /** The observation whose releases are still unknown, if there is one. */
  missing(project: ProjectName): Observation | undefined
  /** Parses the bytes of an observed page; false when they are no page. */
  put(project: ProjectName, digest: Sha256, body: Uint8Array): boolean
  /** Runs each time that a page was put in, whoever brought it. */
  onPut(listener: (project: ProjectName) => void): void
}

export function createPageBook(observations: Pick<Observations, 'newest'>): PageBook {
  const known = new Map<ProjectName, KnownReleases>()
  const listeners: ((project: ProjectName) => void)[] = []
  const pages = new Map<ProjectName, { readonly digest: Sha256; readonly page: ProjectPage }>()

  function current<T extends { readonly digest: Sha256 }>(
    project: ProjectName,
    found: T | undefined
  ): T | undefined {
    return found?.digest === observations.newest(project)?.record.page ? found : undefined
  }

  return {
    releases: (project) => current(project, known.get(project)),
    page(project) {
      const found = current(project, pages.get(project))
      if (found === undefined) return undefined
      pages.delete(project)
      pages.set(project, found)
      return found.page
    },
    missing(project) {
      const newest = observations.newest(project)
      return newest?.record.page === undefined || current(project, known.get(project)) !== undefined
        ? undefined
        : newest
    },
    put(project, digest, body) {
      const page = parse(project, body)
      if (page === undefined) return false
      known.set(project, { digest, releases: releasesOf(page) })
      pages.delete(project)
      pages.set(project, { digest, page })
      const [oldest] = pages.keys()
      if (pages.size > MAX_PAGES && oldest !== undefined) pages.delete(oldest)
      for (const listener of listeners) listener(project)
      return true
    },
    onPut: (listener) => void listeners.push(listener)
  }
}

function parse(project: ProjectName, body: Uint8Array): ProjectPage | undefined {
  try {
    return parseProjectPage(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)), project)
  } catch {
    return undefined
  }
}
