import { sha256Hex } from '../core/digest.ts'
import type { ProjectName } from '../core/ids.ts'
import { PAGE_FRESH_MS } from '../core/limits.ts'
import { fileFitsTarget, mergeProject, type MergedProject } from '../core/merge-index.ts'
import type { PublishedWheel } from '../core/published.ts'
import type { ResultRecord } from '../core/record.ts'
import type { IndexedProject, IndexSource } from '../http/simple-routes.ts'
import { publishedWheels } from '../ledger/catalogue.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { Recent } from '../ledger/recent.ts'
import type { PageBook } from '../ledger/page-book.ts'
import type { Observer } from '../scheduler/observer.ts'
import type { PageLoader } from '../scheduler/page-loader.ts'

export interface IndexSourceParts {
  readonly state: MeshState
  readonly pages: PageBook
  readonly loader: PageLoader
  readonly observer: Observer
  /** Wheels that are not listed yet: they wait for the rest of their batch. */
  isStaged(record: ResultRecord): boolean
  /** Resolves once it is known how far the batches are. */
  readonly whenBatchesKnown: Promise<void>
}

/** Merged projects kept: what a busy index serves again and again. */
const MAX_MERGED = 500

/** The merged index, from the ledger and from upstream's pages; a project that nobody has asked for yet is asked for now. */
export function createIndexSource(parts: IndexSourceParts): IndexSource {
  const { state, pages, loader, observer } = parts
  const merged = new MergedPages(parts)
  let names: { readonly count: number; readonly list: readonly string[] } = { count: -1, list: [] }

  /** Asks upstream when this is the first time or long ago; with an old page at hand, trouble upstream is no trouble here. */
  async function freshen(name: ProjectName): Promise<void> {
    const age = observer.ageMs(name)
    if (age !== undefined && age < PAGE_FRESH_MS) return
    if (age === undefined) await observer.refresh(name)
    else await observer.refresh(name).catch(() => undefined)
  }

  function withAge(name: ProjectName, { project, revision }: Merged): IndexedProject | undefined {
    const ageMs = observer.ageMs(name)
    return project && { merged: project, revision, ...(ageMs === undefined ? {} : { ageMs }) }
  }

  return {
    async project(name) {
      await freshen(name)
      if (state.observations.newest(name)?.record.page === undefined) return undefined
      if (pages.page(name) === undefined && !(await loader.load(name))) await observer.refresh(name)
      if (isAtomic(state, name)) await parts.whenBatchesKnown
      const known = merged.get(name)
      return known && withAge(name, known)
    },
    async projectNames() {
      const known = [...state.observations.projects()].filter(
        (name) => state.observations.newest(name)?.record.page !== undefined
      )
      if (known.length !== names.count) names = { count: known.length, list: known.sort() }
      return names.list
    }
  }
}

interface Merged {
  /** What it was made of, told by counts of changes. */
  readonly mark: string
  /** The same, told by contents. */
  readonly revision: string
  readonly project: MergedProject | undefined
}

/** Merged projects, made anew when something that they are made of is another. */
class MergedPages {
  readonly #parts: IndexSourceParts
  readonly #known = new Recent<ProjectName, Merged>(MAX_MERGED, () => 1)

  constructor(parts: IndexSourceParts) {
    this.#parts = parts
  }

  /** Undefined: its page is not here. */
  get(name: ProjectName): Merged | undefined {
    const { state, pages } = this.#parts
    const [loaded, page] = [pages.releases(name), pages.page(name)]
    if (loaded === undefined || page === undefined) return undefined
    const mark = `${loaded.digest} ${state.markOf(name)}`
    const known = this.#known.get(name)
    // Whether a wheel is staged depends on the other projects of its batch, too.
    if (known?.mark === mark && !isAtomic(state, name)) return known
    const wheels = publishedWheels(state, name, loaded.releases, (record) => this.#parts.isStaged(record))
    const revision = revisionOf(loaded.digest, wheels)
    const project =
      known?.revision === revision ? known.project : mergeProject({ page, wheels, fits: fileFitsTarget })
    const made = { mark, revision, project }
    this.#known.set(name, made)
    return made
  }
}

/** Some atomic batch asks for it. */
function isAtomic({ wishes }: MeshState, name: ProjectName): boolean {
  return wishes.forProject(name).some(({ atomic }) => atomic)
}

function revisionOf(page: string, wheels: readonly PublishedWheel[]): string {
  return sha256Hex(`${page} ${wheels.map(({ wheel, channel }) => `${wheel.sha256}${channel}`).join(' ')}`)
}
