import type { ProjectName, Sha256 } from '../core/ids.ts'
import { releasesOf, type Release } from '../core/releases.ts'
import { parseProjectPage } from '../core/parse-project-page.ts'
import type { ProjectPage } from '../core/project-page.ts'
import type { Observation, Observations } from './observations.ts'

/** Parsed pages kept whole; their releases are kept for every project that has wishes. */
const MAX_PAGES = 200

interface Loaded {
  readonly digest: Sha256
  readonly page: ProjectPage
  readonly releases: readonly Release[]
}

/** Pages whose bytes this node holds, parsed: the newest observation of each project. */
export interface PageBook {
  /** The page of the newest observation, if it is loaded. */
  get(project: ProjectName): Loaded | undefined
  /** The observation whose page is still to be brought, if there is one. */
  missing(project: ProjectName): Observation | undefined
  /** Parses the bytes of an observed page; false when they are no page. */
  put(project: ProjectName, digest: Sha256, body: Uint8Array): boolean
}

export function createPageBook(observations: Pick<Observations, 'newest'>): PageBook {
  const loaded = new Map<ProjectName, Loaded>()

  function current(project: ProjectName): Loaded | undefined {
    const known = loaded.get(project)
    return known !== undefined && known.digest === observations.newest(project)?.record.page
      ? known
      : undefined
  }

  return {
    get(project) {
      const known = current(project)
      if (known === undefined) return undefined
      loaded.delete(project)
      loaded.set(project, known)
      return known
    },
    missing(project) {
      const newest = observations.newest(project)
      return newest?.record.page === undefined || current(project) !== undefined ? undefined : newest
    },
    put(project, digest, body) {
      const page = parse(project, body)
      if (page === undefined) return false
      loaded.delete(project)
      loaded.set(project, { digest, page, releases: releasesOf(page) })
      const [oldest] = loaded.keys()
      if (loaded.size > MAX_PAGES && oldest !== undefined) loaded.delete(oldest)
      return true
    }
  }
}

function parse(project: ProjectName, body: Uint8Array): ProjectPage | undefined {
  try {
    return parseProjectPage(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)), project)
  } catch {
    return undefined
  }
}
