import type { FailureCauses } from '../core/failure-causes.ts'
import type { ResultRecord } from '../core/record.ts'
import type { DemandDesk } from '../http/demand.ts'
import type { PeopleParts } from '../http/people-routes.ts'
import type { IndexSource } from '../http/simple-index.ts'
import type { PageBook } from '../ledger/page-book.ts'
import { createFeedSource } from './feed-source.ts'
import { createHomeSource } from './home-source.ts'
import type { MeshViewParts } from './mesh-views.ts'
import { createSearchSource } from './search-source.ts'

export interface PeopleSourceParts {
  readonly viewParts: MeshViewParts
  readonly pages: PageBook
  readonly index: IndexSource
  readonly causes: FailureCauses
  readonly demand: Pick<DemandDesk, 'ask'>
}

/** What the pages for people show of this mesh. */
export function createPeopleParts({
  viewParts,
  pages,
  index,
  causes,
  demand
}: PeopleSourceParts): PeopleParts {
  const { meshId, state, board } = viewParts
  const isStaged = (record: ResultRecord): boolean => board.batches.isStaged(record)
  const feeds = createFeedSource({ meshId, state, pages, isStaged })
  return {
    home: createHomeSource(viewParts, feeds),
    search: createSearchSource({ index, board }),
    feeds,
    builds: feeds,
    causes,
    ask: (project) => demand.ask(project)
  }
}
