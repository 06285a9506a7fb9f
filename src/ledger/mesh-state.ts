import type { ProjectName } from '../core/ids.ts'
import { recordId, type Entry, type GenesisRecord } from '../core/record.ts'
import type { EntryCodec } from './entry-codec.ts'
import { createMembership, type Member, type Membership } from './membership.ts'
import { createNodeBook, type NodeBook } from './node-book.ts'
import { createObservations, type Observations } from './observations.ts'
import { createResults, type Results } from './results.ts'
import { createWishes, type Wishes } from './wishes.ts'

/** What one entry changed. */
export interface StateChange {
  /** Projects whose jobs or index page may look different now. */
  readonly projects: ReadonlySet<ProjectName>
  /** Targets or members may have changed: every job may. */
  readonly everything: boolean
}

/** The mesh as the ledger tells it: a fold over all entries whose outcome does not depend on the order between feeds. */
export interface MeshState {
  readonly genesis: GenesisRecord
  readonly membership: Membership
  readonly nodes: NodeBook
  readonly wishes: Wishes
  readonly results: Results
  readonly observations: Observations
  apply(entry: Entry): StateChange
}

export function createMeshState(
  genesis: GenesisRecord,
  codec: Pick<EntryCodec, 'checkJoin'>,
  believed?: Member
): MeshState {
  const membership = createMembership(genesis, codec, believed)
  const nodes = createNodeBook(membership)
  const wishes = createWishes()
  const results = createResults()
  const observations = createObservations()

  return {
    genesis,
    membership,
    nodes,
    wishes,
    results,
    observations,
    apply(entry) {
      const projects = new Set<ProjectName>()
      let everything = false
      for (const [index, record] of entry.records.entries()) {
        const id = recordId(entry.hash, index)
        membership.apply(entry.node, record)
        if (record.kind === 'node') nodes.apply(entry, record)
        if (record.kind === 'node' || record.kind === 'admit' || record.kind === 'revoke') everything = true
        for (const project of wishes.apply(id, entry.node, record)) projects.add(project)
        const built = results.apply(id, entry.node, record)
        if (built !== undefined) projects.add(built)
        const observed = observations.apply(id, entry.node, record)
        if (observed !== undefined) projects.add(observed)
      }
      return { projects, everything }
    }
  }
}
