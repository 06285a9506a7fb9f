import type { Presence, RunningJob } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import type { NodeRecord } from '../core/record.ts'
import type { Clock } from '../core/ports.ts'
import type {
  BuildView,
  CopiesView,
  CoordinatorView,
  NodeModeView,
  NodeView,
  PauseView,
  QueueView,
  RefusedPythonView,
  RunningJobView,
  StatusView,
  StorageView,
  UpstreamView
} from '../http/api-types.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Member } from '../ledger/membership.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import { finishedMs, type ResultFact } from '../ledger/results.ts'
import type { Coordination } from '../scheduler/coordination.ts'
import type { JobBoard } from '../scheduler/job-board.ts'

export interface MeshViewParts {
  readonly meshId: string
  readonly self: NodeId
  readonly state: MeshState
  readonly board: JobBoard
  readonly coordination: Coordination
  readonly ledger: Ledger
  readonly clock: Clock
  readonly startedMs: number
  connected(): readonly NodeId[]
  mode(): NodeModeView
  /** Why this node begins nothing now. */
  pauses(): readonly PauseView[]
  refusedPythons(): readonly RefusedPythonView[]
  /** What it builds, as of now: presence is some seconds old. */
  running(): readonly RunningJobView[]
  storage(): StorageView
  copies(): Omit<CopiesView, 'lost'>
  upstream(): UpstreamView
}

/** What a node that has not introduced itself yet is shown as. */
const UNKNOWN_NODE: NodeRecord = {
  kind: 'node',
  saidMs: 0,
  label: '',
  contact: '',
  roles: [],
  targets: [],
  hardware: { arch: '', cores: 0, memoryBytes: 0, model: '' },
  software: '',
  addresses: []
}

export function statusView(parts: MeshViewParts): StatusView {
  const { state, self, ledger, clock } = parts
  const { label, software, roles, targets, buildRefusal } = state.nodes.get(self) ?? UNKNOWN_NODE
  return {
    mesh: { id: parts.meshId, name: state.genesis.name },
    node: {
      id: self,
      label,
      version: software,
      uptimeMs: Math.round(clock.monotonicMs() - parts.startedMs),
      mode: parts.mode(),
      pauses: parts.pauses(),
      roles,
      targets,
      ...(buildRefusal === undefined ? {} : { buildRefusal }),
      refusedPythons: parts.refusedPythons(),
      running: parts.running()
    },
    peers: { connected: parts.connected().length, known: state.membership.all().length - 1 },
    queue: queueViews(parts),
    coordinators: coordinatorViews(parts),
    ledger: { feeds: ledger.heads().length, entries: ledger.entryCount(), waits: ledger.isWaiting() },
    storage: parts.storage(),
    copies: { ...parts.copies(), lost: [...state.lost.all()].length },
    upstream: parts.upstream()
  }
}

export function nodeViews(parts: MeshViewParts): readonly NodeView[] {
  const connected = new Set(parts.connected())
  return parts.state.membership.all().map((member) => ({
    ...nodeView(parts, member),
    self: member.node === parts.self,
    connected: connected.has(member.node)
  }))
}

function nodeView(
  parts: MeshViewParts,
  { node, level, roles }: Member
): Omit<NodeView, 'self' | 'connected'> {
  const known = parts.state.nodes.get(node)
  const { label, contact, targets, software, hardware, addresses, buildRefusal } = known ?? UNKNOWN_NODE
  const { heardMs, presence } = parts.coordination.presence.get(node) ?? {}
  return {
    id: node,
    label,
    contact,
    roles: known?.roles ?? roles,
    targets,
    level,
    software,
    hardware,
    addresses,
    ...(heardMs === undefined ? {} : { lastSeenMs: Math.round(parts.clock.monotonicMs() - heardMs) }),
    ...(buildRefusal === undefined ? {} : { buildRefusal }),
    ...pausedView(presence, parts.clock.monotonicMs() - (heardMs ?? 0)),
    running: runningOn(parts, node)
  }
}

function pausedView(presence: Presence | undefined, ageMs: number): Pick<NodeView, 'paused'> {
  if (presence?.paused === undefined) return {}
  const { cause, reason, elapsedMs } = presence.paused
  return { paused: { cause, reason, elapsedMs: Math.round(elapsedMs + ageMs) } }
}

function runningOn({ coordination }: MeshViewParts, node: NodeId): readonly RunningJob[] {
  return coordination.presence.get(node)?.presence.running ?? []
}

export function buildView({ author, record }: ResultFact): BuildView {
  return {
    job: record.job,
    builder: author,
    finishedMs: finishedMs(record),
    durationMs: record.durationMs,
    log: record.log.sha256,
    ...(record.wheel === undefined ? {} : { wheel: record.wheel }),
    ...(record.failure === undefined ? {} : { failure: record.failure })
  }
}

function queueViews({ board, state, coordination }: MeshViewParts): readonly QueueView[] {
  const counts = new Map<string, { queued: number; claimed: number; done: number; failed: number }>(
    state.nodes.targets().map(({ id }) => [id, { queued: 0, claimed: 0, done: 0, failed: 0 }])
  )
  for (const { id, target, state } of board.rows()) {
    const count = counts.get(target) ?? { queued: 0, claimed: 0, done: 0, failed: 0 }
    counts.set(target, count)
    if (state.kind === 'failed') count.failed++
    else if (state.kind !== 'open' && state.kind !== 'waiting') count.done++
    else if (coordination.claimOn(id) !== undefined) count.claimed++
    else count.queued++
  }
  return [...counts].map(([target, count]) => ({ target, ...count }))
}

function coordinatorViews({ coordination, clock }: MeshViewParts): readonly CoordinatorView[] {
  const nowMs = clock.monotonicMs()
  return [...coordination.shards()].flatMap((shard) => {
    const node = shard.holder(nowMs)
    return node === undefined ? [] : [{ shard: shard.id, node, term: shard.fence()?.term ?? 0 }]
  })
}
