import { UPSTREAM_SHARD, type CoordinationMessage } from '../core/coordination.ts'
import { messageOf } from '../core/errors.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { parseJobId } from '../core/job.ts'
import { pinsOfResults } from '../core/pins.ts'
import type { BlobSource, BlobStore, Clock, Log, TextPacker } from '../core/ports.ts'
import type { AdmitRecord } from '../core/record.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { createPageBook, type PageBook } from '../ledger/page-book.ts'
import { buildersOf } from './builders-of.ts'
import { Coordination, type CoordinationOptions, type WitnessStore } from './coordination.ts'
import { BoardMaker } from './board-maker.ts'
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
  /** What is kept of pages is packed by this. Unless given, it is kept as it is. */
  readonly packer?: TextPacker
  /** Members to which there is a connection now. */
  connected(): readonly NodeId[]
  send(to: NodeId, message: CoordinationMessage): void
  gossip(message: CoordinationMessage): void
  /** A member has signed entries that are not here yet. */
  lacks(node: NodeId): void
  /** This node takes copies of blobs. Unless given, it does. */
  hasRoom?(): boolean
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
  readonly maker: BoardMaker
  /** Build requirements that the job's results in the ledger lend to its next build. */
  pinsOf(job: JobId): readonly string[] | undefined
  /** Reads the stored feeds and takes part in the mesh's shards from then on. */
  load(): Promise<void>
  stop(): void
}

export function createEngine(parts: EngineParts, options: CoordinationOptions): Engine {
  const { clock, log, state, ledger, store, blobs, witnesses } = parts
  const { observations } = state
  const pages = createPageBook(observations, parts.packer)
  const loader = createPageLoader({ pages, store, clock, log, observations, blobs })
  const board = new JobBoard({ state, pages, clock, needPage: loader.need.bind(loader) })
  const maker = new BoardMaker({ state, board, loader, clock, log })
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
      hasRoom: () => parts.hasRoom?.() ?? true,
      send: (to, message) => {
        parts.send(to, message)
      },
      gossip: (message) => {
        parts.gossip(message)
      },
      // Who has looked at a part of the jobs only would hand out what is less urgent, and leave others waiting.
      mayLead: () => state.membership.isRecorded(options.self) && ledger.isWritable() && maker.isMade(),
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
  const views = { pages, loader, board, coordination, maker }
  const fold = foldEntries(parts, views)
  // Whoever brings a page: the loader, or this node as the observer of upstream.
  pages.onPut((project) => {
    board.refresh(project)
  })
  return {
    ...views,
    pinsOf: (job) => pinsOfResults(state.results.ofJob(job).map(({ record }) => record)),
    async load() {
      await ledger.load()
      for (const [node, { addresses }] of state.nodes.all()) parts.onNode(node, addresses)
      fold.begin()
    },
    stop() {
      maker.stop()
      loader.stop()
    }
  }
}

/** Every entry, stored or new: into the mesh's state, and from there to all that depend on it. */
function foldEntries(
  parts: EngineParts,
  { board, coordination, maker }: Pick<Engine, 'board' | 'coordination' | 'maker'>
): { begin(): void } {
  const { ledger, state } = parts
  // While the stored views are read the board is left alone: it is made afterwards, and the node serves meanwhile.
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
    board.apply({ ...change, everything: false })
    if (change.everything) maker.make()
  })
  ledger.onFork(({ place, admitted }) => {
    state.membership.expel(place.node)
    if (!live) return
    openShards(state, coordination)
    coordination.membersChanged()
    maker.make()
    for (const record of admitted) if (!state.membership.wasAdmitted(record.subject)) vouchAnew(parts, record)
  })
  return {
    begin() {
      live = true
      openShards(state, coordination)
      maker.make()
    }
  }
}

/** The record that let a node in was cut off with its author's feed; its proof holds all the same, and any member may write it. */
function vouchAnew({ ledger, log }: EngineParts, record: AdmitRecord): void {
  void ledger.append(record).catch((error: unknown) => {
    log.warn('a member could not be vouched for again', { subject: record.subject, error: messageOf(error) })
  })
}

/** A shard for each target that some member builds for, and one for following upstream. */
function openShards(state: MeshState, coordination: Coordination): void {
  coordination.open(UPSTREAM_SHARD)
  for (const { id } of state.nodes.targets()) coordination.open(id)
}
