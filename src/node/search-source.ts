import { parseProjectName } from '../core/distribution.ts'
import type { ProjectName } from '../core/ids.ts'
import { NameSearch } from '../core/name-search.ts'
import type { FoundProject, SearchSource } from '../http/search-routes.ts'
import type { IndexSource } from '../http/simple-index.ts'
import type { JobBoard } from '../scheduler/job-board.ts'
import { countOf } from '../http/words.ts'

export interface SearchSourceParts {
  readonly index: Pick<IndexSource, 'projectNames' | 'meshProjectNames'>
  readonly board: Pick<JobBoard, 'rowsOf'>
}

const NO_NAMES: readonly string[] = []

/** Finds projects of the index by their names; those with wheels of the mesh come first. */
export function createSearchSource({ index, board }: SearchSourceParts): SearchSource {
  let made: { readonly names: readonly string[]; readonly search: NameSearch } | undefined
  let built: { readonly names: readonly string[]; readonly set: ReadonlySet<string> } | undefined

  return {
    async find(query, limit) {
      const [names, ours] = await Promise.all([index.projectNames(), index.meshProjectNames?.() ?? NO_NAMES])
      // Both lists stay the same array as long as they hold the same.
      if (made?.names !== names) made = { names, search: new NameSearch(names) }
      if (built?.names !== ours) built = { names: ours, set: new Set(ours) }
      const { set } = built
      const found = made.search.find(query, limit, (name) => set.has(name))
      const asName = nameOf(query)
      const isUnknown = asName !== undefined && found[0] !== asName
      return {
        projects: found.map((name) => projectOf(name as ProjectName)),
        known: names.length,
        ...(isUnknown ? { unknown: asName } : {})
      }
    }
  }

  function projectOf(name: ProjectName): FoundProject {
    const rows = board.rowsOf(name)
    const wheels = new Set(rows.flatMap(({ state }) => (state.kind === 'built' ? [state.wheel.sha256] : [])))
      .size
    if (wheels > 0) return { name, note: `${countOf(wheels, 'wheel')} of this mesh` }
    if (built?.set.has(name) === true) return { name, note: 'wheels of this mesh' }
    const isWanted = rows.some(({ state }) => state.kind === 'open' || state.kind === 'waiting')
    if (isWanted) return { name, note: 'to be built' }
    return { name, note: rows.some(({ state }) => state.kind === 'failed') ? 'failed to build' : '' }
  }
}

function nameOf(query: string): ProjectName | undefined {
  try {
    return parseProjectName(query.trim())
  } catch {
    return undefined
  }
}
