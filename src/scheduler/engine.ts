import { UPSTREAM_SHARD, type CoordinationMessage } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import { parseJobId } from '../core/job.ts'
import type { BlobSource, BlobStore, Clock, Log } from '../core/ports.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { createPageBook, type PageBook } from '../ledger/page-book.ts'
import { buildersOf } from './builders-of.ts'
import { Coordination, type CoordinationOptions, type WitnessStore } from './coordination.ts'
import { JobBoard } from './job-board.ts'
import { createPageLoader, type PageLoader } from './page-loader.ts'

export interface EngineParts {
  readonly clock: Clock
  readonly log: Log
  readonly state: MeshState
  readonly ledger: Ledger
  readonly store: BlobStore
  readonly blobs: BlobSource
  readonly witnesses: WitnessStore
  /** Members to which there is a connection now. */
  connected(): readonly NodeId[]
  send(to: NodeId, message: CoordinationMessage): void
  gossip(message: CoordinationMessage): void
  /** A member has signed entries that are not here yet. */
  lacks(node: NodeId): void
  /** Somebody said where it listens. */
  onNode(node: NodeId, addresses: readonly string[]): void
}

/**
 * The part of a node that decides: records and messages come in, records and messages go out. Everything that reaches the world is a
 * port, so that the simulator runs this very code.
 */
export interface Engine {
  readonly pages: PageBook
  readonly loader: PageLoader
  readonly board: JobBoard
  readonly coordination: Coordination
  /** Reads the stored feeds and takes part in the mesh's shards from then on. */
  load(): Promise<void>
  stop(): void
}

export function createEngine(parts: EngineParts, options: CoordinationOptions): Engine {
  const { clock, log, state, ledger, store, blobs, witnesses } = parts
  const { observations } = state
  const pages = createPageBook(observations)
  const loader = createPageLoader({ pages, store, clock, log, observations, blobs })
  const board = new JobBoard({ state, pages, clock, needPage: loader.need.bind(loader) })
  const coordination = new Coordination(
    {
      clock,
      log,
      board,
      witnesses,
      connected: () => parts.connected(),
      isMember: (node) => state.membership.isMember(node),
      wasAdmitted: (node) => state.membership.wasAdmitted(node),
      buildersOf: (target) => buildersOf(state, target),
      entryCount: () => ledger.entryCount(),
      send: (to, message) => {
        parts.send(to, message)
      },
      gossip: (message) => {
        parts.gossip(message)
      },
      mayLead: () => state.membership.isRecorded(options.self) && ledger.isWritable(),
      hasResult: ({ job, builder }, startedMs) =>
        state.results
          .ofJob(job)
          .some(({ author, record }) => author === builder && record.startedMs === startedMs),
      lacks: (node) => {
        parts.lacks(node)
      }
    },
    options
  )
  const views = { pages, loader, board, coordination }
  const fold = foldEntries(parts, views)
  // Whoever brings a page: the loader, or this node as the observer of upstream.
  pages.onPut((project) => {
    board.refresh(project)
  })
  return {
    ...views,
    async load() {
      await ledger.load()
      fold.begin()
    },
    stop() {
      loader.stop()
    }
  }
}

/** Every entry, stored or new: into the mesh's state, and from there to all that depend on it. */
function foldEntries(
  parts: EngineParts,
  { board, coordination }: Pick<Engine, 'board' | 'coordination'>
): { begin(): void } {
  const { ledger, state } = parts
  // While the stored entries are read the board is left alone: it is made once, at the end.
  let live = false
  ledger.onEntry((entry) => {
    const change = state.apply(entry)
    for (const record of entry.records) {
      if (record.kind === 'node') parts.onNode(entry.node, record.addresses)
      if (record.kind === 'result') coordination.onFinished(record.job, parseJobId(record.job).target)
    }
    if (!live) return
    openShards(state, coordination)
    if (change.everything || change.offers) coordination.membersChanged()
    board.apply(change)
  })
  return {
    begin() {
      live = true
      openShards(state, coordination)
      board.refreshAll()
    }
  }
}

/** A shard for each target that some member builds for, and one for following upstream. */
function openShards(state: MeshState, coordination: Coordination): void {
  coordination.open(UPSTREAM_SHARD)
  for (const { id } of state.nodes.targets()) coordination.open(id)
}
