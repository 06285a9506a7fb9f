import type { Config } from '../config/load-config.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import type { Signer } from '../core/ports.ts'
import { createNetwork, type Network } from '../gossip/create-network.ts'
import type { SyncSource } from '../gossip/sync-ports.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { PageBook } from '../ledger/page-book.ts'
import type { Coordination } from '../scheduler/coordination.ts'
import { createEngine, type Engine } from '../scheduler/engine.ts'
import type { JobBoard } from '../scheduler/job-board.ts'
import type { DiskBlobStore } from '../storage/blob-store.ts'
import { createSmallState } from '../storage/small-state.ts'
import { createRecords, type Records } from './create-records.ts'
import { MDNS_SERVICE } from './join-mesh.ts'
import { coordinationSender, judgeCoordination, judgeEntries, receiveDirect } from './mesh-core.ts'
import type { MeshIdentity, MeshPorts } from './mesh-ports.ts'
import type { PageLoader } from '../scheduler/page-loader.ts'
import { SOFTWARE } from './software.ts'
import { createWitnessStore } from './witness-store.ts'

/** What a node knows of its mesh and how it talks to it: records in, records out. */
export interface Mesh {
  readonly meshId: MeshId
  readonly self: NodeId
  readonly signer: Signer
  readonly state: MeshState
  readonly ledger: Ledger
  readonly pages: PageBook
  readonly loader: PageLoader
  readonly board: JobBoard
  readonly coordination: Coordination
  readonly network: Network
  readonly store: DiskBlobStore
  start(): Promise<void>
  stop(): Promise<void>
}

export async function createMesh(config: Config, identity: MeshIdentity, ports: MeshPorts): Promise<Mesh> {
  const { dataDir, acceptLan } = config
  const records = await createRecords(identity, ports, {
    dataDir,
    acceptLan,
    publish: (topic, bytes) => network.bus.publish(topic, bytes)
  })
  const network: Network = await connect(config, identity, { ...ports, records })
  const engine = connectEngine(identity, { ...ports, records, network })
  const { pages, loader, board, coordination } = engine
  const life = wire(identity.membership.genesis.meshId, engine, { ...ports, records, network })
  const { signer, state, ledger, store } = records
  const { meshId } = identity.membership.genesis
  return {
    meshId,
    self: signer.nodeId,
    signer,
    state,
    ledger,
    store,
    network,
    pages,
    loader,
    board,
    coordination,
    ...life
  }
}

function connect(
  config: Config,
  { seed, membership }: MeshIdentity,
  { clock, random, log, records }: MeshPorts & { readonly records: Records }
): Promise<Network> {
  const { door, store, ledger } = records
  return createNetwork(
    { door, store, clock, random, log, source: syncSourceOf(ledger) },
    {
      meshId: membership.genesis.meshId,
      isMember: (node) => records.isPeer(node),
      privateKeyRaw: seed,
      listen: config.listen,
      announce: config.announce,
      bootstrap: [...config.bootstrap, ...membership.sponsors],
      mdns: { enabled: config.mdns, serviceTag: MDNS_SERVICE },
      software: SOFTWARE
    }
  )
}

function syncSourceOf(ledger: Ledger): SyncSource {
  return {
    heads: () => ledger.heads(),
    range: (feed, fromSeq) => ledger.range(feed, fromSeq),
    async admitRange(entries) {
      const { kind } = await ledger.admitRange(entries.map(({ bytes }) => bytes))
      return { accepted: kind === 'accepted' || kind === 'known' ? entries.length : 0 }
    }
  }
}

function connectEngine(
  { membership, boot }: MeshIdentity,
  parts: MeshPorts & { readonly records: Records; readonly network: Network }
): Engine {
  const { clock, log, network, records } = parts
  const { state, store, signer, ledger, database } = records
  const { meshId, genesis } = membership.genesis
  return createEngine(
    {
      clock,
      log,
      state,
      ledger,
      store,
      blobs: network.blobs,
      witnesses: createWitnessStore(createSmallState(database)),
      connected: () => network.connected(),
      lacks: (node) => {
        network.gapSeen(node)
      },
      onNode: (node, addresses) => {
        if (node !== signer.nodeId) network.learn(node, addresses)
      },
      ...coordinationSender({ meshId, signer, log, bus: network.bus, messenger: network.messenger })
    },
    { self: signer.nodeId, boot, roots: genesis.roots }
  )
}

/** Connects what comes in with what it changes. */
function wire(
  meshId: MeshId,
  engine: Engine,
  parts: MeshPorts & { readonly records: Records; readonly network: Network }
): Pick<Mesh, 'start' | 'stop'> {
  const { records, network, log } = parts
  const { coordination } = engine
  const { state, ledger, verifier, database } = records
  let live = false
  state.membership.onChange(() => {
    if (live) network.membershipChanged()
  })
  network.messenger.onMessage(receiveDirect(coordination, log, network.blame))
  const onGap = network.gapSeen.bind(network)
  network.bus.subscribe('entries', judgeEntries(ledger, onGap))
  network.bus.subscribe('coordination', judgeCoordination({ meshId, verifier, state, coordination }))
  network.onMember(() => {
    coordination.announce()
  })
  return {
    async start() {
      await engine.load()
      live = true
      await network.start()
    },
    async stop() {
      engine.stop()
      await ledger.stop()
      await network.stop()
      await database.close()
    }
  }
}
