import type { NodeId, ProjectName } from '../core/ids.ts'
import { recordId, type Entry, type GenesisRecord, type MeshRecord } from '../core/record.ts'
import type { EntryCodec } from './entry-codec.ts'
import { createLostBlobs, type LostBlobs } from './lost-blobs.ts'
import { createMembership, type Member, type Membership } from './membership.ts'
import { createNodeBook, type NodeBook } from './node-book.ts'
import { createObservations, type Observations } from './observations.ts'
import { StoredResults, touchedBy, type Results } from './results.ts'
import type { TouchedRelease } from './row-keys.ts'
import { decodeFacts, rowFactId, type RowFact } from './fact-row.ts'
import { MemoryRows } from './memory-rows.ts'
import { RecordShelf } from './record-shelf.ts'
import { rowsOfEntries, StoredViews, type LedgerViews, type SmallRows, type ViewParts } from './views.ts'
import { placed } from './view-rows.ts'
import { createWishes, type Wishes } from './wishes.ts'

/** What one entry changed. */
export interface StateChange {
  /** Projects whose jobs or index page may look different now. */
  readonly projects: ReadonlySet<ProjectName>
  /** Those of them of which only these versions may. */
  readonly versions: ReadonlyMap<ProjectName, ReadonlySet<string>>
  /** The mesh builds for other targets, or results of some node count that did not, or no longer do: every job may be another. */
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
  readonly lost: LostBlobs
  /** The rows of it, for the ledger to write. Undefined: a state that nobody stores writes its own, in memory. */
  readonly views: LedgerViews | undefined
  /** Takes note of an entry whose rows are stored. */
  apply(entry: Entry): StateChange
  /** Another text when which wheels of the project count may be others. */
  markOf(project: ProjectName): string
}

/** Where the rows of a state are. */
export type StateRows = Omit<ViewParts, 'newest' | 'restore'>

export function createMeshState(
  genesis: GenesisRecord,
  codec: Pick<EntryCodec, 'checkJoin'>,
  believed?: Member,
  stored?: StateRows
): MeshState {
  const membership = createMembership(genesis, codec, believed)
  const shelf = new RecordShelf()
  const memory = new MemoryRows()
  const read = stored?.codec ?? shelf
  const results = new StoredResults({ rows: stored?.rows ?? memory, read: (slice) => read.record(slice) })
  const parts: StateParts = {
    membership,
    results,
    nodes: createNodeBook(membership),
    wishes: createWishes(),
    observations: createObservations(),
    lost: createLostBlobs()
  }
  const marks = new Marks()
  membership.onChange(() => {
    marks.touchAll()
  })
  const views =
    stored &&
    new StoredViews({
      ...stored,
      newest: results.newestResults,
      restore: (rows) => {
        restoreParts(parts, rows, stored.codec)
        marks.touchAll()
      }
    })
  return {
    ...parts,
    genesis,
    views,
    apply(entry) {
      if (stored === undefined) {
        const received = placed({ entry, bytes: shelf.put(entry) })
        memory.put(rowsOfEntries([received], { rows: memory, codec: shelf, newest: results.newestResults }))
      }
      const change = fold(parts, entry)
      // Who offers what, and who is trusted how far, is not told apart here.
      if (change.everything || change.offers) marks.touchAll()
      for (const project of change.projects) marks.touch(project)
      return change
    },
    markOf: (project) => marks.of(project)
  }
}

/** Counts changes, so that what was worked out of a project can be kept until it may be another. */
class Marks {
  readonly #touched = new Map<ProjectName, number>()
  #count = 0
  #all = 0

  touch(project: ProjectName): void {
    this.#touched.set(project, ++this.#count)
  }

  touchAll(): void {
    this.#touched.clear()
    this.#all = ++this.#count
  }

  of(project: ProjectName): string {
    return String(this.#touched.get(project) ?? this.#all)
  }
}

interface StateParts extends Pick<MeshState, 'membership' | 'nodes' | 'wishes' | 'observations' | 'lost'> {
  readonly results: StoredResults
}

function fold(
  { membership, nodes, wishes, results, observations, lost }: StateParts,
  entry: Entry
): StateChange {
  const touched = new TouchedProjects()
  const targets = nodes.targets()
  let [offers, isJudgedAnew] = [false, false]
  for (const [index, record] of entry.records.entries()) {
    const id = recordId(entry.hash, index)
    if (record.kind === 'admit' || record.kind === 'revoke') {
      offers = true
      if (
        changesWhoCounts(results, membership, () => {
          membership.apply(entry.node, record)
        })
      )
        isJudgedAnew = true
    }
    if (record.kind === 'node') offers = nodes.apply(entry, record) || offers
    for (const project of wishes.apply(id, entry.node, record)) touched.addProject(project)
    touched.addReleases(results.apply(id, entry.node, record))
    const file = lost.apply(id, record)
    if (file !== undefined) touched.addReleases(results.ofWheel(file).map(touchedBy))
    const observed = observations.apply(id, entry.node, record)
    if (observed !== undefined) touched.addProject(observed)
  }
  const { projects, versions } = touched
  return { projects, versions, everything: isJudgedAnew || nodes.targets() !== targets, offers }
}

/** Whether results of some node count after a change of memberships that did not before, or no longer do. */
function changesWhoCounts(results: Results, membership: Membership, change: () => void): boolean {
  const counts = (node: NodeId): boolean => membership.levelOf(node) !== undefined
  const before = new Map([...results.authors()].map((node) => [node, counts(node)]))
  change()
  return [...before].some(([node, did]) => did !== counts(node))
}

/** Takes over what rows say, in the place of all that was known. */
function restoreParts(parts: StateParts, rows: SmallRows, codec: Pick<EntryCodec, 'record'>): void {
  const { membership, nodes, wishes, results, observations, lost } = parts
  const facts = rows.facts.flatMap(({ value }) => decodeFacts(value)).map((fact) => opened(fact, codec))
  for (const part of [nodes, wishes, observations, lost]) part.reset()
  membership.restore(facts.map(({ author, record }) => [author, record]))
  results.restore(rows)
  for (const { id, author, record } of facts) {
    wishes.apply(id, author, record)
    results.apply(id, author, record)
    lost.apply(id, record)
  }
  for (const { value } of rows.nodes)
    for (const fact of decodeFacts(value)) {
      const { record } = opened(fact, codec)
      if (record.kind === 'node') nodes.apply({ node: fact.author, hash: fact.entry }, record)
    }
  for (const { value } of rows.observed)
    for (const { id, author, record } of decodeFacts(value).map((fact) => opened(fact, codec)))
      observations.apply(id, author, record)
}

function opened(
  fact: RowFact,
  codec: Pick<EntryCodec, 'record'>
): { readonly id: string; readonly author: NodeId; readonly record: MeshRecord } {
  return { id: rowFactId(fact), author: fact.author, record: codec.record(fact.slice) }
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
