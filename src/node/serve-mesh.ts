import { randomBytes } from 'node:crypto'
import { failureCauses } from '../build/classify-failure.ts'
import type { Config } from '../config/load-config.ts'
import type { NodeId, TargetId } from '../core/ids.ts'
import type { BlobStore, UpstreamIndex, WheelBuilder } from '../core/ports.ts'
import type {
  NodeAction,
  NodeModeView,
  PauseRequest,
  PauseView,
  RefusedPythonView,
  RunningJobView
} from '../http/api-types.ts'
import type { ControlSource } from '../http/api-routes.ts'
import { createApp } from '../http/app.ts'
import type { FileSource } from '../http/file-routes.ts'
import type { HealthSource } from '../http/health-routes.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import type { IndexSource } from '../http/simple-index.ts'
import { createControlSource } from './control-source.ts'
import type { Mesh } from './create-mesh.ts'
import { memberAddresses } from './member-addresses.ts'
import type { MeshPorts } from './mesh-ports.ts'
import { createFileSource, createLogSource } from './file-source.ts'
import { createIndexSource } from './index-source.ts'
import { JobViews } from './job-views.ts'
import { statusView, type MeshViewParts } from './mesh-views.ts'
import { createMetrics } from './metrics.ts'
import { buildersOf } from '../scheduler/builders-of.ts'
import type { Observer } from '../scheduler/observer.ts'
import { MeshDemandDesk } from './demand-desk.ts'
import { followUpstream, upstreamView } from './follow-upstream.ts'
import { createPeopleParts } from './people-source.ts'
import { createProjectSource, type MetadataRef } from './project-source.ts'
import { SoundBlobs } from './sound-blobs.ts'
import { createReproduceSource } from './reproduce.ts'
import { createStorageSource } from './storage-source.ts'
import { createWantDesk } from './want-desk.ts'
import { dependenciesIn } from './wheel-dependencies.ts'

/** A person waits for the page: METADATA that nobody gives in this time is left out. */
const METADATA_MS = 3_000

/** What HTTP needs of the rest of the node, which is made after it. */
export interface NodeHand {
  mode(): NodeModeView
  /** Why nothing is begun. */
  pauses(): readonly PauseView[]
  /** Of these, what somebody should know of, and what else keeps this machine from building right now. */
  troubles(): readonly string[]
  running(): readonly RunningJobView[]
  refusedPythons(): readonly RefusedPythonView[]
  act(action: NodeAction, request: PauseRequest): Promise<void>
  /** Undefined while this node builds nothing. */
  builderInto(): ((blobs: BlobStore) => WheelBuilder) | undefined
}

export interface Served {
  readonly observer: Observer
  readonly demand: MeshDemandDesk
  readonly http: HttpServer
  /** What the owner's commands show to change this node. */
  readonly token: string
  /** Where pip on this machine reaches the index. */
  indexUrl(): string
  /** The same, with the wheels that wait for the rest of their batch. */
  stagedUrl(): string
}

type ServeParts = MeshPorts & { readonly upstream: UpstreamIndex; readonly hand: NodeHand }

/** Everything that a mesh serves over HTTP: the merged index, files, pages, and the owner's API. */
export function serveMesh(mesh: Mesh, config: Config, parts: ServeParts): Served {
  const { state, store, network } = mesh
  const { clock, log } = parts
  const observer = followUpstream(mesh, config, parts)
  const token = randomBytes(24).toString('base64url')
  const sound = new SoundBlobs({ store, clock, log, rotted: (digest) => mesh.scrub.rotted(digest) })
  const passing = { state, store, sound, blobs: network.blobs }
  const files = createFileSource(passing)
  const sources = createSources(mesh, { observer, config }, { ...parts, files })
  const { index, staged, demand, projects, control, viewParts } = sources
  const app = createApp(
    {
      index,
      staged,
      demand,
      projects,
      people: createPeopleParts({
        viewParts,
        pages: mesh.pages,
        index,
        demand,
        causes: failureCauses(config.dataDir)
      }),
      control,
      clock,
      log,
      files,
      logs: createLogSource(passing),
      storage: createStorageSource(mesh),
      reproduce: createReproduceSource({
        dataDir: config.dataDir,
        results: state.results,
        upstream: parts.upstream,
        store,
        blobs: network.blobs,
        random: parts.random,
        builderInto: () => parts.hand.builderInto()
      }),
      health: createHealthSource(viewParts, parts.hand)
    },
    { token }
  )
  const http = createHttpServer(app, config.http)
  return {
    observer,
    demand,
    http,
    token,
    indexUrl: () => urlOf('simple'),
    stagedUrl: () => urlOf('staged')
  }

  function urlOf(index: string): string {
    return `http://${reachableHost(config.http.host)}:${http.address().port}/${index}/`
  }
}

function createSources(
  mesh: Mesh,
  { observer, config }: { readonly observer: Observer; readonly config: Config },
  { clock, random, log, hand, files }: ServeParts & { readonly files: FileSource }
): {
  readonly index: IndexSource
  readonly staged: IndexSource
  readonly demand: MeshDemandDesk
  readonly projects: ReturnType<typeof createProjectSource>
  readonly control: ControlSource
  readonly viewParts: MeshViewParts
} {
  const { state, pages, board, coordination, ledger, loader, network, signer, meshId, self } = mesh
  const { whenBatchesKnown } = mesh.maker
  const indexParts = { state, pages, loader, observer, clock, whenBatchesKnown }
  const index = createIndexSource({ ...indexParts, isStaged: (record) => board.batches.isStaged(record) })
  const staged = createIndexSource({ ...indexParts, isStaged: () => false })
  const views = new JobViews({ state, board, coordination, clock })
  const dependenciesOf = (wheel: MetadataRef) => dependenciesVia(files, wheel)
  const projects = createProjectSource({ state, pages, board, views, index, dependenciesOf })
  const upstreamTrouble = observer.trouble.bind(observer)
  const servedTargets = (): readonly TargetId[] => targetsServed(mesh, clock.monotonicMs())
  const wants = createWantDesk({ state, pages, board, views, ledger, clock, servedTargets, upstreamTrouble })
  const demand = new MeshDemandDesk({
    ...{ self, state, pages, index, board, ledger, clock, log },
    isOn: config.demand === 'on',
    isReady: () => mesh.maker.isMade()
  })
  const viewParts: MeshViewParts = {
    meshId,
    self,
    state,
    board,
    coordination,
    ledger,
    clock,
    startedMs: clock.monotonicMs(),
    connected: () => network.connected(),
    mode: () => hand.mode(),
    pauses: () => hand.pauses(),
    running: () => hand.running(),
    refusedPythons: () => hand.refusedPythons(),
    storage: () => mesh.storage.view(),
    copies: () => mesh.keeper.status(),
    upstream: () => upstreamView(observer, config.follow, demand.standing())
  }
  const control = createControlSource({
    ...viewParts,
    meshId,
    views,
    wants,
    projects,
    signer,
    random,
    addresses: () => memberAddresses(mesh),
    act: (action, request) => hand.act(action, request)
  })
  return { index, staged, demand, projects, control, viewParts }
}

/** What a wheel requires, also when another node has its METADATA: else each node would show another page. Undefined when nobody has it. */
async function dependenciesVia(
  files: FileSource,
  { sha256, metadata }: MetadataRef
): Promise<readonly string[] | undefined> {
  try {
    const signal = AbortSignal.timeout(METADATA_MS)
    return await dependenciesIn((await files.open(metadata, undefined, { wheel: sha256, signal })).chunks)
  } catch {
    return undefined
  }
}

/** Targets that somebody who is there builds for. */
function targetsServed({ state, coordination, self }: Mesh, nowMs: number): readonly TargetId[] {
  const isHere = (node: NodeId): boolean => node === self || coordination.presence.isPresent(node, nowMs)
  return state.nodes
    .targets()
    .map(({ id }) => id)
    .filter((target) => buildersOf(state, target).some(isHere))
}

function createHealthSource(viewParts: MeshViewParts, hand: NodeHand): HealthSource {
  const metrics = createMetrics()
  return {
    async health() {
      const storage = viewParts.storage()
      const problems = [
        ...new Set([...hand.troubles(), viewParts.copies().trouble, storage.trouble, storage.damage])
      ].filter((one) => one !== undefined)
      return { ok: problems.length === 0, problems }
    },
    metrics: () => metrics.text(statusView(viewParts))
  }
}

/** An address that a client on this machine can use for what we listen on. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
