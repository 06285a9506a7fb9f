import type { ProjectName } from '../core/ids.ts'
import { PAGE_FRESH_MS } from '../core/limits.ts'
import type { Clock } from '../core/ports.ts'
import type { IndexedProject, IndexSource, Standing } from '../http/simple-index.ts'
import type { Observer } from '../scheduler/observer.ts'
import type { PageLoader } from '../scheduler/page-loader.ts'
import { isAtomic, type Merged, MergedPages, type MergedPageParts } from './merged-pages.ts'
import { MeshNames } from './mesh-names.ts'
import { PagePatience } from './page-patience.ts'

export interface IndexSourceParts extends MergedPageParts {
  readonly loader: PageLoader
  readonly observer: Pick<Observer, 'refresh' | 'ageMs'>
  readonly clock: Clock
  /** Resolves once it is known how far the batches are. */
  readonly whenBatchesKnown: Promise<void>
}

/** The merged index, from the ledger and from upstream's pages; a project that nobody has asked for yet is asked for now. */
export function createIndexSource(parts: IndexSourceParts): IndexSource {
  return new MergedIndex(parts)
}

class MergedIndex implements IndexSource {
  readonly #parts: IndexSourceParts
  readonly #merged: MergedPages
  readonly #patience: PagePatience
  readonly #meshNames: MeshNames
  #names: { readonly revision: number; readonly list: readonly string[] } = { revision: -1, list: [] }

  constructor(parts: IndexSourceParts) {
    this.#parts = parts
    this.#merged = new MergedPages(parts)
    this.#patience = new PagePatience(parts.clock)
    this.#meshNames = new MeshNames(parts)
  }

  standing(name: string): Standing | undefined {
    const ageMs = this.#parts.observer.ageMs(name as ProjectName)
    if (ageMs === undefined || (ageMs >= PAGE_FRESH_MS && !this.#patience.isSpent(name))) return undefined
    const revision = this.#merged.revision(name)
    return revision === undefined ? undefined : { revision, ageMs }
  }

  async project(name: ProjectName): Promise<IndexedProject | undefined> {
    const { state, pages, loader } = this.#parts
    await this.#freshen(name)
    if (state.observations.newest(name)?.record.page === undefined) return undefined
    if (pages.page(name) === undefined && !(await loader.load(name))) await this.#fetch(name)
    if (isAtomic(state, name)) await this.#parts.whenBatchesKnown
    const known = this.#merged.get(name)
    return known && this.#withAge(name, known)
  }

  async projectNames(): Promise<readonly string[]> {
    const { observations } = this.#parts.state
    const revision = observations.listRevision()
    if (revision !== this.#names.revision) {
      const known = [...observations.projects()].filter(
        (name) => observations.newest(name)?.record.page !== undefined
      )
      this.#names = { revision, list: known.sort() }
    }
    return this.#names.list
  }

  meshProjectNames(): Promise<readonly string[]> {
    return this.#meshNames.list()
  }

  /** Asks upstream when this is the first time or long ago; with an old page at hand, trouble upstream is no trouble here. */
  async #freshen(name: ProjectName): Promise<void> {
    const age = this.#parts.observer.ageMs(name)
    if (age === undefined) await this.#fetch(name)
    else if (age >= PAGE_FRESH_MS && !this.#patience.isSpent(name))
      await this.#patience.known(name, this.#parts.observer.refresh(name))
  }

  async #fetch(name: ProjectName): Promise<void> {
    if (this.#patience.isSpent(name)) throw new Error('upstream could not be asked a moment ago')
    await this.#patience.unknown(name, this.#parts.observer.refresh(name))
  }

  #withAge(name: ProjectName, { project, revision }: Merged): IndexedProject | undefined {
    const ageMs = this.#parts.observer.ageMs(name)
    return project && { merged: project, revision, ...(ageMs === undefined ? {} : { ageMs }) }
  }
}
