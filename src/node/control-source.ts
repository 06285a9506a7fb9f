import type { MeshId } from '../core/ids.ts'
import { ROLES, type Role } from '../core/record.ts'
import type { Clock, Random, Signer } from '../core/ports.ts'
import { compareQueuePlaces } from '../core/queue-order.ts'
import { apiError } from '../http/api-error.ts'
import type { ControlSource } from '../http/api-routes.ts'
import type {
  EventView,
  InviteAnswer,
  InviteRequest,
  JobView,
  NodeAction,
  PauseRequest
} from '../http/api-types.ts'
import { formatTicket, makeTicket } from '../wire/invite.ts'
import type { JobViews } from './job-views.ts'
import { buildView, nodeViews, statusView, type MeshViewParts } from './mesh-views.ts'
import type { createProjectSource } from './project-source.ts'
import { unlocksOf } from './unlocks.ts'
import type { WantDesk } from './want-desk.ts'

export interface ControlParts extends MeshViewParts {
  readonly meshId: MeshId
  readonly views: JobViews
  readonly wants: WantDesk
  readonly projects: ReturnType<typeof createProjectSource>
  readonly signer: Signer
  readonly random: Random
  /** Multiaddrs at which a newcomer finds this node. */
  addresses(): readonly string[]
  act(action: NodeAction, request: PauseRequest): Promise<void>
}

/** Newest builds looked through for a filtered list. */
const MAX_BUILDS = 10_000
/** Addresses that a ticket carries: the first ones are tried first. */
const MAX_TICKET_ADDRESSES = 8
/** What a ticket gives when nobody says. */
const DEFAULT_ROLES: readonly Role[] = ['build', 'index']

/** The HTTP API's view of this node and its hand on it. */
export function createControlSource(parts: ControlParts): ControlSource {
  const { board, state, views, wants, projects } = parts
  const listeners = new Set<(event: EventView) => void>()
  board.onChange((rows) => {
    if (listeners.size === 0) return
    for (const row of rows) {
      const event: EventView = { kind: 'job', atMs: parts.clock.wallMs(), job: views.view(row) }
      for (const listener of listeners) listener(event)
    }
  })

  return {
    status: async () => statusView(parts),
    nodes: async () => nodeViews(parts),
    async jobs({ job, project, target, state: wanted, limit }) {
      const rows = [...board.rows()]
        .filter((row) => job === undefined || row.id.startsWith(job))
        .filter((row) => project === undefined || row.project === project)
        .filter((row) => target === undefined || row.target === target)
        .sort((a, b) => compareQueuePlaces(a.place, b.place))
      const found: JobView[] = []
      for (const row of rows) {
        const view = views.view(row)
        if (wanted === undefined || view.state === wanted) found.push(view)
        if (found.length >= limit) break
      }
      return found
    },
    async builds({ job, project, target, limit }) {
      return state.results
        .newest(MAX_BUILDS)
        .map(buildView)
        .filter((build) => job === undefined || build.job.startsWith(job))
        .filter((build) => project === undefined || build.job.startsWith(`${project}==`))
        .filter((build) => target === undefined || build.job.endsWith(`@${target}`))
        .slice(0, limit)
    },
    unlocks: async () => unlocksOf(board),
    wants: async (id) => wants.views(id),
    why: (project) => projects.why(project),
    want: (request) => wants.want(request),
    invite: async (request) => inviteWith(parts, request),
    async act(action, request) {
      await parts.act(action, request)
      const { mode, pauses, running } = statusView(parts).node
      return { mode, pauses, running }
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  }
}

/** A ticket that this node, being a keeper, signs. */
export function inviteWith(
  parts: Pick<ControlParts, 'state' | 'signer' | 'random' | 'meshId' | 'addresses'> & {
    readonly clock: Clock
  },
  { uses, ttlMs, roles }: InviteRequest
): InviteAnswer {
  const { state, signer, random, meshId } = parts
  if (state.membership.get(signer.nodeId)?.roles.includes('keeper') !== true) {
    throw apiError(
      'FORBIDDEN',
      'this node may not invite',
      'run it on a keeper: the node that founded the mesh is one'
    )
  }
  const terms = {
    meshId,
    uses,
    expiresMs: parts.clock.wallMs() + ttlMs,
    roles: roles.length === 0 ? DEFAULT_ROLES : ROLES.filter((role) => roles.includes(role)),
    level: state.genesis.policy.defaultLevel
  }
  const addresses = parts.addresses().slice(0, MAX_TICKET_ADDRESSES)
  return { ticket: formatTicket(makeTicket(signer, terms, random.bytes(32), addresses)) }
}
