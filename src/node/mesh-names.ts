import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ProjectName } from '../core/ids.ts'
import { publishedWheels } from '../ledger/catalogue.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { MergedPageParts } from './merged-pages.ts'

interface Known {
  readonly mark: string
  readonly hasWheels: boolean
}

/** Projects looked at without letting anybody else have a turn: some milliseconds on a Pi. */
const AT_ONCE = 20

/** Projects with a stable wheel of the mesh. Those that did not change since are not looked at again. */
export class MeshNames {
  readonly #parts: MergedPageParts
  readonly #known = new Map<ProjectName, Known>()
  #listing: Promise<readonly string[]> | undefined
  #list: readonly string[] = []

  constructor(parts: MergedPageParts) {
    this.#parts = parts
  }

  /** The same array as long as it holds the same. */
  list(): Promise<readonly string[]> {
    this.#listing ??= this.#make().finally(() => (this.#listing = undefined))
    return this.#listing
  }

  async #make(): Promise<readonly string[]> {
    const names: string[] = []
    let looked = 0
    for (const name of this.#parts.state.observations.projects()) {
      const known = this.#known.get(name)
      const mark = this.#markOf(name)
      if (known?.mark !== mark) {
        if (++looked % AT_ONCE === 0) await nextTurn()
        this.#known.set(name, { mark, hasWheels: this.#hasWheels(name) })
      }
      if (this.#known.get(name)?.hasWheels === true) names.push(name)
    }
    names.sort()
    if (names.join(' ') !== this.#list.join(' ')) this.#list = names
    return this.#list
  }

  #markOf(name: ProjectName): string {
    const { state, pages } = this.#parts
    return `${state.observations.newest(name)?.record.page ?? ''} ${state.markOf(name)} ${pages.releases(name)?.digest ?? ''}`
  }

  /** Of a page whose bytes have not come yet only the results tell: its own page will say. */
  #hasWheels(name: ProjectName): boolean {
    const { state, pages } = this.#parts
    if (state.observations.newest(name)?.record.page === undefined) return false
    const { results } = state
    if (results.versionsOf(name).length === 0) return false
    const releases = pages.releases(name)?.releases
    if (releases === undefined) return hasResults(state, name)
    return publishedWheels(state, name, releases, (record) => this.#parts.isStaged(record)).some(
      ({ channel }) => channel === 'stable'
    )
  }
}

function hasResults({ results }: MeshState, name: ProjectName): boolean {
  return results
    .versionsOf(name)
    .some((version) => results.ofRelease(name, version).some(({ record }) => record.wheel !== undefined))
}
