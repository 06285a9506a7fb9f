import { randomBytes } from 'node:crypto'
import type { Config } from '../config/load-config.ts'
import type { Sha256 } from '../core/ids.ts'
import type { UpstreamIndex } from '../core/ports.ts'
import type { NodeAction, NodeModeView } from '../http/api-types.ts'
import { createApp } from '../http/app.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { createControlSource } from './control-source.ts'
import type { Mesh, MeshPorts } from './create-mesh.ts'
import { createFileSource, createLogSource } from './file-source.ts'
import { createIndexSource } from './index-source.ts'
import { JobViews } from './job-views.ts'
import { statusView, type MeshViewParts } from './mesh-views.ts'
import { createMetrics } from './metrics.ts'
import { createObserver, type Observer } from './observer.ts'
import { createProjectSource } from './project-source.ts'
import { createWantDesk } from './want-desk.ts'
import { readDependencies } from './wheel-dependencies.ts'

/** What HTTP needs of the rest of the node, which is made after it. */
export interface NodeHand {
  mode(): NodeModeView
  /** Why this machine builds nothing right now. */
  trouble(): string | undefined
  act(action: NodeAction): Promise<NodeModeView>
}

export interface Served {
  readonly observer: Observer
  readonly http: HttpServer
  /** What the owner's commands show to change this node. */
  readonly token: string
  /** Where pip on this machine reaches the index. */
  indexUrl(): string
}

/** Everything that a mesh serves over HTTP: the merged index, files, pages, and the owner's API. */
export function serveMesh(
  mesh: Mesh,
  config: Config,
  parts: MeshPorts & { readonly upstream: UpstreamIndex; readonly hand: NodeHand }
): Served {
  const { state, pages, board, coordination, ledger, loader, store, network, signer, meshId } = mesh
  const { clock, log, random, upstream, hand } = parts
  const observer = createObserver(
    { state, pages, upstream, store, ledger, clock, log, isElected: () => coordination.observesUpstream() },
    { pollMs: config.upstreamPollMs }
  )
  const index = createIndexSource({ state, pages, loader, observer })
  const views = new JobViews({ state, board, coordination, clock })
  const projects = createProjectSource({
    state,
    pages,
    board,
    views,
    index,
    dependenciesOf: ({ metadata }) => readDependencies(store, metadata as Sha256)
  })
  const wants = createWantDesk({
    state,
    pages,
    board,
    views,
    ledger,
    clock,
    upstreamTrouble: (project) => observer.trouble(project)
  })
  const viewParts: MeshViewParts = {
    meshId,
    self: mesh.self,
    state,
    board,
    coordination,
    ledger,
    clock,
    startedMs: clock.monotonicMs(),
    connected: () => network.connected(),
    mode: () => hand.mode(),
    trouble: () => hand.trouble()
  }
  const control = createControlSource({
    ...viewParts,
    meshId,
    views,
    wants,
    projects,
    signer,
    random,
    addresses: () => network.host.addresses(),
    act: (action) => hand.act(action)
  })
  const metrics = createMetrics()
  const token = randomBytes(24).toString('base64url')
  const files = { state, store, blobs: network.blobs }
  const app = createApp(
    {
      index,
      projects,
      control,
      clock,
      log,
      files: createFileSource(files),
      logs: createLogSource(files),
      health: {
        async health() {
          const trouble = hand.trouble()
          return { ok: trouble === undefined, problems: trouble === undefined ? [] : [trouble] }
        },
        metrics: () => metrics.text(statusView(viewParts))
      }
    },
    { token }
  )
  const http = createHttpServer(app, config.http)
  return {
    observer,
    http,
    token,
    indexUrl: () => `http://${reachableHost(config.http.host)}:${http.address().port}/simple/`
  }
}

/** An address that a client on this machine can use for what we listen on. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
