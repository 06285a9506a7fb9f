import type { PauseView } from './pause-types.ts'

export type { PauseRequest, PauseView } from './pause-types.ts'

/** JSON shapes of `/api/v1/*` and `/health`. The command line and the dashboard import them as types. */

/** Where one job stands, in one word. */
export type JobStateView =
  /** Offered to the next builder that fits. */
  | 'queued'
  /** Not offered yet: its turn in the cascade, a back-off, a batch. `reason` says which. */
  | 'waiting'
  | 'building'
  | 'built'
  | 'failed'
  /** Upstream ships a wheel that fits. */
  | 'upstream'
  /** A person said never. */
  | 'skipped'
  /** `Requires-Python` or the like rules the target out. */
  | 'excluded'

export const JOB_STATES: readonly JobStateView[] = [
  'queued',
  'waiting',
  'building',
  'built',
  'failed',
  'upstream',
  'skipped',
  'excluded'
]

export interface FailureView {
  readonly class: string
  readonly cause: string
  readonly reason: string
  /** The package of the system that has what was missing. */
  readonly missing?: string
}

export interface RunningJobView {
  readonly job: string
  readonly phase: string
  readonly elapsedMs: number
}

export interface RefusedPythonView {
  readonly path: string
  /** One sentence. */
  readonly reason: string
  readonly cure: string
}

export type NodeModeView = 'running' | 'paused' | 'finishing' | 'leaving'

/** GET /api/v1/status: this node, and the mesh as this node sees it. */
export interface StatusView {
  readonly mesh: { readonly id: string; readonly name: string }
  readonly node: {
    readonly id: string
    readonly label: string
    readonly version: string
    readonly uptimeMs: number
    readonly mode: NodeModeView
    /** The weightiest first; empty: it builds what it is given. */
    readonly pauses: readonly PauseView[]
    readonly roles: readonly string[]
    readonly targets: readonly string[]
    /** Why a node with the `build` role does not build, if so. */
    readonly buildRefusal?: string
    /** Interpreters that it was told of, or found, and cannot build for. */
    readonly refusedPythons?: readonly RefusedPythonView[]
    readonly running: readonly RunningJobView[]
  }
  readonly peers: { readonly connected: number; readonly known: number }
  readonly queue: readonly QueueView[]
  readonly coordinators: readonly CoordinatorView[]
  readonly ledger: {
    readonly feeds: number
    readonly entries: number
    /** Its own records wait: it asks other members first how far its feed went. */
    readonly waits: boolean
  }
  readonly storage: StorageView
  readonly copies: CopiesView
  readonly upstream: UpstreamView
}

/** How following upstream goes, as this node sees it; what concerns the whole mesh is known to the observer. */
export interface UpstreamView {
  readonly follow: 'watched' | 'everything'
  /** The node that follows upstream for the mesh; absent while it is elected. */
  readonly observer?: string
  /** It is this node. */
  readonly self: boolean
  /** Milliseconds since upstream answered this node; absent: it did not since this node started. */
  readonly answerAgeMs?: number
  /** What is wrong with upstream as a whole, `''` for nothing. */
  readonly trouble: string
  /** Projects that it asks for in turn, and those in the line of `everything`; 0 on other nodes. */
  readonly watched: number
  readonly backlog: number
  /** Requests of this node since it started, and in the last hour. */
  readonly requests: number
  readonly requestsLastHour: number
  readonly demand: {
    readonly on: boolean
    /** Pairs of project and target that clients asked for lately. */
    readonly counted: number
    /** Wants that this node wrote for them since it started. */
    readonly wants: number
  }
}

/** This node's part in keeping the mesh's blobs. Sizes in bytes. */
export interface CopiesView {
  /** It takes copies of blobs of others. */
  readonly room: boolean
  /** Why nothing may be added to its disk, if so. */
  readonly trouble?: string
  /** What blobs take here; absent while they are counted. */
  readonly usedBytes?: number
  readonly freeBytes: number
  /** What they may take; 0: no bound. */
  readonly disk: number
  readonly minFree: number
  /** Blobs that this node is to hold, as of the last look through all of them. */
  readonly owed: number
  /** Of these known not to be here yet: each has a copy fewer than it should. */
  readonly lacking: number
  /** Of these such that nobody could give when last asked. */
  readonly unavailable: number
  /** Published wheels that no member has any more. */
  readonly lost: number
  readonly fetchedBytes: number
  readonly droppedBytes: number
}

/** How the data folder is, as far as the node has seen. */
export interface StorageView {
  readonly writable: boolean
  /** Why nothing is written at present. */
  readonly trouble?: string
  /** What a read found broken and no repair has mended yet. */
  readonly damage?: string
  /** Entries that the ledger once held and that have not come back from the peers. */
  readonly missing: number
  /** What the last start found broken, and did about it. */
  readonly repair?: {
    readonly atMs: number
    readonly found: readonly string[]
    /** `none`: the database was whole in itself, and older than it had been. */
    readonly done: 'repaired' | 'begun-anew' | 'none'
    readonly feedsShortened: number
    readonly missing: number
    /** Own entries may be lost, so the node writes under a new incarnation. */
    readonly newIncarnation: boolean
  }
}

/** Jobs of one target by what is left to do. */
export interface QueueView {
  readonly target: string
  readonly queued: number
  readonly claimed: number
  readonly done: number
  readonly failed: number
}

export interface CoordinatorView {
  readonly shard: string
  readonly node: string
  readonly term: number
}

/** One row of GET /api/v1/nodes. */
export interface NodeView {
  readonly id: string
  readonly label: string
  readonly contact: string
  readonly self: boolean
  readonly connected: boolean
  readonly roles: readonly string[]
  readonly targets: readonly string[]
  readonly level: string
  readonly software: string
  readonly hardware: {
    readonly arch: string
    readonly cores: number
    readonly memoryBytes: number
    readonly model: string
  }
  readonly addresses: readonly string[]
  /** Age of its last sign of life; absent when this node never had one. */
  readonly lastSeenMs?: number
  readonly buildRefusal?: string
  /** It begins no builds for now, as it last said. */
  readonly paused?: { readonly cause: string; readonly reason: string; readonly elapsedMs: number }
  readonly running: readonly RunningJobView[]
}

/** One row of GET /api/v1/jobs. */
export interface JobView {
  readonly id: string
  readonly project: string
  readonly version: string
  readonly target: string
  readonly state: JobStateView
  /** In words, for every state that is not obvious. */
  readonly reason: string
  readonly attempts: number
  /** Results known of this job. */
  readonly builds: number
  /** Node id of who builds or built it. */
  readonly builder?: string
  readonly phase?: string
  readonly elapsedMs?: number
  readonly failure?: FailureView
  readonly wheel?: { readonly filename: string; readonly sha256: string; readonly size: number }
  /** Digest of the last log: `/logs/<sha256>`. */
  readonly log?: string
}

/** One row of GET /api/v1/builds: what one node made of one job. */
export interface BuildView {
  readonly job: string
  readonly builder: string
  readonly finishedMs: number
  readonly durationMs: number
  readonly log: string
  readonly wheel?: { readonly filename: string; readonly sha256: string; readonly size: number }
  readonly failure?: FailureView
}

/** One row of GET /api/v1/wants. */
export interface WantView {
  readonly id: string
  readonly specs: readonly string[]
  readonly targets: readonly string[]
  /** The batch that it belongs to, if it is built with one. */
  readonly batch?: BatchView
  readonly atomic: boolean
  readonly author: string
  readonly createdMs: number
  /** No job of it is left to do; nor of its batch, if it has one. */
  readonly done: boolean
  readonly jobs: readonly JobView[]
}

/** Wants of one author that are built together, failures again and again. */
export interface BatchView {
  /** Id of its first want. */
  readonly id: string
  /** From 1; on several targets the highest that runs. */
  readonly round: number
  /** `stopped`: the same jobs failed twice in a row; `done`: nothing is left that failed. */
  readonly state: 'gathering' | 'building' | 'stopped' | 'done'
  /** Jobs that failed and are not built since. */
  readonly failing: number
  /** The first of them. */
  readonly failingJobs: readonly string[]
}

/** GET /api/v1/why/<project>: each version and target with its state and the reason in words. */
export interface WhyView {
  readonly project: string
  /** Whether upstream knows the project; otherwise the rest is empty. */
  readonly upstream: boolean
  readonly targets: readonly string[]
  /** Newest first. */
  readonly versions: readonly { readonly version: string; readonly cells: readonly WhyCellView[] }[]
}

export interface WhyCellView {
  readonly target: string
  readonly state: JobStateView
  readonly reason: string
  readonly log?: string
}

/** One row of GET /api/v1/unlocks: a package of the system that failed jobs of this mesh lacked. */
export interface UnlockView {
  readonly package: string
  /** Whose builds would be tried again where it is installed. */
  readonly releases: number
  readonly projects: number
  /** Releases times targets. */
  readonly jobs: number
  /** Some of the projects. */
  readonly examples: readonly string[]
}

/** One message of GET /api/v1/events: a job that changed. */
export interface EventView {
  readonly kind: 'job'
  readonly atMs: number
  readonly job: JobView
}

/** Body of POST /api/v1/wants. */
export interface WantRequest {
  readonly specs: readonly string[]
  /** Empty: every target that the mesh builds for; of a batch, every one that somebody builds for now. */
  readonly targets: readonly string[]
  readonly batch: boolean
  /** Listed all at once when the batch has ended; implies `batch`. */
  readonly atomic: boolean
}

export interface WantAnswer {
  readonly want: string
  readonly jobs: readonly JobView[]
}

/** Body of POST /api/v1/invites. */
export interface InviteRequest {
  readonly uses: number
  readonly ttlMs: number
  /** Empty: what the mesh gives by default. */
  readonly roles: readonly string[]
}

export interface InviteAnswer {
  readonly ticket: string
}

/** POST /api/v1/{pause,finish,resume,leave}. */
export type NodeAction = 'pause' | 'finish' | 'resume' | 'leave'

export interface ActionAnswer {
  readonly mode: NodeModeView
  readonly pauses: readonly PauseView[]
  /** What is being built. */
  readonly running: readonly RunningJobView[]
}

/** GET /health. `problems` is empty exactly when `ok`. */
export interface HealthView {
  readonly ok: boolean
  readonly problems: readonly string[]
}
