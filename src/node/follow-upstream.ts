import type { Config } from '../config/load-config.ts'
import { UPSTREAM_SHARD } from '../core/coordination.ts'
import type { UpstreamIndex } from '../core/ports.ts'
import type { UpstreamView } from '../http/api-types.ts'
import { createObserver, type Observer } from '../scheduler/observer.ts'
import type { Mesh } from './create-mesh.ts'
import type { DemandStanding } from './demand-desk.ts'
import type { MeshPorts } from './mesh-ports.ts'

/** This node's part in following upstream: it does it for the mesh while it is elected, and asks who is otherwise. */
export function followUpstream(
  mesh: Mesh,
  { upstreamPollMs: pollMs, follow }: Pick<Config, 'upstreamPollMs' | 'follow'>,
  { clock, log, random, upstream }: MeshPorts & { readonly upstream: UpstreamIndex }
): Observer {
  const { self, state, pages, coordination, ledger, store, network } = mesh
  const wire = {
    self,
    observer: () => coordination.holder(UPSTREAM_SHARD),
    ask: network.observers.ask.bind(network.observers),
    lacks: network.gapSeen.bind(network)
  }
  const isElected = (): boolean => coordination.observesUpstream()
  const observer = createObserver(
    { state, pages, upstream, store, ledger, clock, log, random, isElected, wire },
    { pollMs, follow }
  )
  network.observers.onAsked((project) => observer.answer(project))
  return observer
}

export function upstreamView(
  observer: Observer,
  follow: UpstreamView['follow'],
  demand: DemandStanding
): UpstreamView {
  const { elected, answerAgeMs, observer: node, ...standing } = observer.standing()
  return {
    ...standing,
    follow,
    self: elected,
    ...(node === undefined ? {} : { observer: node }),
    ...(answerAgeMs === undefined ? {} : { answerAgeMs: Math.round(answerAgeMs) }),
    demand
  }
}
