import type { NodeId, ProjectName } from '../core/ids.ts'
import {
  recordId,
  type AdmitRecord,
  type Entry,
  type GenesisRecord,
  type RevokeRecord
} from '../core/record.ts'
import type { EntryCodec } from './entry-codec.ts'
import { createMembership, type Member, type Membership } from './membership.ts'
import { createNodeBook, type NodeBook } from './node-book.ts'
import { createObservations, type Observations } from './observations.ts'
import { createResults, type Results, type TouchedRelease } from './results.ts'
import { createWishes, type Wishes } from './wishes.ts'

/** What one entry changed. */
export interface StateChange {
  /** Projects whose jobs or index page may look different now. */
  readonly projects: ReadonlySet<ProjectName>
  /** Those of them of which only these versions may. */
  readonly versions: ReadonlyMap<ProjectName, ReadonlySet<string>>
  /** The mesh builds for other targets: every job may be another. */
  readonly everything: boolean
  /** What builders offer is other than before: jobs that need more than they had may be others. */
  readonly offers: boolean
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

  /** Releases that count, or count no more, because a membership changed. */
  function judgedAnew(author: NodeId, record: AdmitRecord | RevokeRecord): readonly TouchedRelease[] {
    const counted = new Map(
      [...results.authors()].map((node) => [node, membership.levelOf(node) !== undefined])
    )
    membership.apply(author, record)
    return [...counted]
      .filter(([node, did]) => did !== (membership.levelOf(node) !== undefined))
      .flatMap(([node]) => results.releasesOf(node))
  }

  return {
    genesis,
    membership,
    nodes,
    wishes,
    results,
    observations,
    apply(entry) {
      const touched = new TouchedProjects()
      const targets = nodes.targets()
      let offers = false
      for (const [index, record] of entry.records.entries()) {
        const id = recordId(entry.hash, index)
        if (record.kind === 'admit' || record.kind === 'revoke') {
          offers = true
          touched.addReleases(judgedAnew(entry.node, record))
        }
        if (record.kind === 'node') offers = nodes.apply(entry, record) || offers
        for (const project of wishes.apply(id, entry.node, record)) touched.addProject(project)
        touched.addReleases(results.apply(id, entry.node, record))
        const observed = observations.apply(id, entry.node, record)
        if (observed !== undefined) touched.addProject(observed)
      }
      const { projects, versions } = touched
      return { projects, versions, everything: nodes.targets() !== targets, offers }
    }
  }
}

/** Projects to look at again, of some of them only a few versions. */
class TouchedProjects {
  readonly projects = new Set<ProjectName>()
  readonly versions = new Map<ProjectName, Set<string>>()

  addProject(project: ProjectName): void {
    this.projects.add(project)
    this.versions.delete(project)
  }

  addReleases(releases: readonly TouchedRelease[]): void {
    for (const { project, version } of releases) {
      const versions = this.versions.get(project)
      if (versions !== undefined) versions.add(version)
      else if (!this.projects.has(project)) this.versions.set(project, new Set([version]))
      this.projects.add(project)
    }
  }
}
