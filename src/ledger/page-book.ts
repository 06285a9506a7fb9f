import type { ProjectName, Sha256 } from '../core/ids.ts'
import { parseProjectPage } from '../core/parse-project-page.ts'
import type { TextPacker } from '../core/ports.ts'
import type { ProjectPage } from '../core/project-page.ts'
import { releasesOf, type Release } from '../core/releases.ts'
import type { Observation, Observations } from './observations.ts'
import { packReleases, unpackReleases } from './packed-releases.ts'
import { Recent } from './recent.ts'

/**
 * Files of parsed pages that are kept whole, for the index: some 700 bytes each, and a project may have thousands. A few pages stay
 * however large they are, as whoever brings one looks at it afterwards: more of them than are brought at once.
 */
const MAX_PAGE_FILES = 5_000
const MAX_PAGES = 200
const LEAST_PAGES = 16
/** Files of releases that are kept ready, of some 500 bytes each; those of all other projects are kept packed, for the queue. */
const MAX_RELEASE_FILES = 10_000

interface KnownReleases {
  readonly digest: Sha256
  /** The same list each time, unless many others were looked at since. */
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

/** Keeps text as it is. */
const AS_IT_IS: TextPacker = { pack: (text) => text, unpack: (packed) => packed }

export function createPageBook(
  observations: Pick<Observations, 'newest'>,
  packer: TextPacker = AS_IT_IS
): PageBook {
  const known = new Map<ProjectName, PackedReleases>()
  const shelf: ReleaseShelf = { packer, ready: new Recent(MAX_RELEASE_FILES, filesOf) }
  const listeners: ((project: ProjectName) => void)[] = []
  const pages = new ParsedPages()

  function current<T extends { readonly digest: Sha256 }>(
    project: ProjectName,
    found: T | undefined
  ): T | undefined {
    return found?.digest === observations.newest(project)?.record.page ? found : undefined
  }

  return {
    releases: (project) => current(project, known.get(project)),
    page: (project) => current(project, pages.get(project))?.page,
    missing(project) {
      const newest = observations.newest(project)
      return newest?.record.page === undefined || current(project, known.get(project)) !== undefined
        ? undefined
        : newest
    },
    put(project, digest, body) {
      const page = parse(project, body)
      if (page === undefined) return false
      const before = known.get(project)
      if (before !== undefined) shelf.ready.delete(before)
      known.set(project, new PackedReleases(digest, releasesOf(page), shelf))
      pages.put(project, { digest, page })
      for (const listener of listeners) listener(project)
      return true
    },
    onPut: (listener) => void listeners.push(listener)
  }
}

interface ReleaseShelf {
  readonly packer: TextPacker
  readonly ready: Recent<PackedReleases, readonly Release[]>
}

/** Releases of one page: a tenth of their size, until somebody looks at them. */
class PackedReleases implements KnownReleases {
  readonly digest: Sha256
  readonly #packed: string
  readonly #shelf: ReleaseShelf

  constructor(digest: Sha256, releases: readonly Release[], shelf: ReleaseShelf) {
    this.digest = digest
    this.#packed = shelf.packer.pack(packReleases(releases))
    this.#shelf = shelf
    shelf.ready.set(this, releases)
  }

  get releases(): readonly Release[] {
    const { packer, ready } = this.#shelf
    const known = ready.get(this)
    if (known !== undefined) return known
    const releases = unpackReleases(packer.unpack(this.#packed))
    ready.set(this, releases)
    return releases
  }
}

function filesOf(releases: readonly Release[]): number {
  return releases.reduce((sum, { wheels, sdistDigests }) => sum + wheels.length + sdistDigests.length, 1)
}

interface ParsedPage {
  readonly digest: Sha256
  readonly page: ProjectPage
}

function weightOf({ page }: ParsedPage): number {
  return page.files.length + 1
}

/** The pages that were used last. */
class ParsedPages {
  readonly #pages = new Map<ProjectName, ParsedPage>()
  #files = 0

  get(project: ProjectName): ParsedPage | undefined {
    const found = this.#pages.get(project)
    if (found === undefined) return undefined
    this.#pages.delete(project)
    this.#pages.set(project, found)
    return found
  }

  put(project: ProjectName, parsed: ParsedPage): void {
    this.#delete(project)
    this.#pages.set(project, parsed)
    this.#files += weightOf(parsed)
    for (const oldest of this.#pages.keys()) {
      const isSmall = this.#files <= MAX_PAGE_FILES && this.#pages.size <= MAX_PAGES
      if (isSmall || this.#pages.size <= LEAST_PAGES) return
      this.#delete(oldest)
    }
  }

  #delete(project: ProjectName): void {
    const found = this.#pages.get(project)
    if (found === undefined) return
    this.#pages.delete(project)
    this.#files -= weightOf(found)
  }
}

function parse(project: ProjectName, body: Uint8Array): ProjectPage | undefined {
  try {
    return parseProjectPage(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)), project)
  } catch {
    return undefined
  }
}
