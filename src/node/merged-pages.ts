import { sha256Hex } from '../core/digest.ts'
import type { ProjectName } from '../core/ids.ts'
import { fileFitsTarget, mergeProject, type MergedProject } from '../core/merge-index.ts'
import type { PublishedWheel } from '../core/published.ts'
import type { ResultRecord } from '../core/record.ts'
import { publishedWheels } from '../ledger/catalogue.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { PageBook } from '../ledger/page-book.ts'
import { Recent } from '../ledger/recent.ts'

export interface MergedPageParts {
  readonly state: MeshState
  readonly pages: PageBook
  /** Wheels that are not listed yet: they wait for the rest of their batch. */
  isStaged(record: ResultRecord): boolean
}

export interface Merged {
  /** Another text when the contents are other. */
  readonly revision: string
  readonly project: MergedProject | undefined
}

interface Known {
  /** What the revision was made of: digest of upstream's page, and a count of changes. */
  readonly page: string
  readonly mark: string
  readonly revision: string
}

/** Files of merged projects kept whole, some 700 bytes each: what is asked for again is kept as rendered text. */
const MAX_MERGED_FILES = 2_000
/** Revisions kept, of some 300 bytes: those of all projects of a busy index. */
const MAX_REVISIONS = 20_000

/** Merged projects, made anew when something that they are made of is another. */
export class MergedPages {
  readonly #parts: MergedPageParts
  readonly #revisions = new Map<string, Known>()
  readonly #merged = new Recent<ProjectName, Merged>(MAX_MERGED_FILES, filesOf)

  constructor(parts: MergedPageParts) {
    this.#parts = parts
  }

  /** The revision of a project, when it is known without its page. `name` may be any text. */
  revision(name: string): string | undefined {
    const { state } = this.#parts
    const project = name as ProjectName
    const known = this.#revisions.get(name)
    if (known === undefined || known.page !== state.observations.newest(project)?.record.page)
      return undefined
    if (known.mark !== state.markOf(project) || isAtomic(state, project)) return undefined
    return known.revision
  }

  /** Undefined: its page is not here. */
  get(name: ProjectName): Merged | undefined {
    const { state, pages } = this.#parts
    const [loaded, page] = [pages.releases(name), pages.page(name)]
    if (loaded === undefined || page === undefined) return undefined
    const known = this.#merged.get(name)
    const current = this.revision(name)
    if (known !== undefined && known.revision === current) return known
    const mark = state.markOf(name)
    const wheels = publishedWheels(state, name, loaded.releases, (record) => this.#parts.isStaged(record))
    const revision = revisionOf(loaded.digest, wheels)
    this.#remember(name, { page: loaded.digest, mark, revision })
    if (known?.revision === revision) return known
    const made = { revision, project: mergeProject({ page, wheels, fits: fileFitsTarget }) }
    this.#merged.set(name, made)
    return made
  }

  #remember(name: ProjectName, known: Known): void {
    this.#revisions.delete(name)
    this.#revisions.set(name, known)
    const [oldest] = this.#revisions.keys()
    if (this.#revisions.size > MAX_REVISIONS && oldest !== undefined) this.#revisions.delete(oldest)
  }
}

function filesOf({ project }: Merged): number {
  return 1 + (project?.files.length ?? 0)
}

/** Some atomic batch asks for it: whether a wheel is staged depends on the other projects of its batch, too. */
export function isAtomic({ wishes }: MeshState, name: ProjectName): boolean {
  return wishes.forProject(name).some(({ atomic }) => atomic)
}

/** Of all that a page says: of two results with equal bytes another one may count when a third node's feed has come. */
function revisionOf(page: string, wheels: readonly PublishedWheel[]): string {
  const told = wheels.map(({ wheel, channel, job, builder, publishedMs, log }) =>
    [wheel.filename, wheel.sha256, channel, job, builder, publishedMs, log.sha256].join(' ')
  )
  return sha256Hex([page, ...told].join('\n'))
}
