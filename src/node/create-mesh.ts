import type { Config } from '../config/load-config.ts'
import { messageOf } from '../core/errors.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import type { Signer } from '../core/ports.ts'
import { createNetwork, type Network } from '../gossip/create-network.ts'
import type { RangeAdmission, SyncSource } from '../gossip/sync-ports.ts'
import type { Admission, Ledger } from '../ledger/ledger.ts'
import type { MeshState } from '../ledger/mesh-state.ts'
import type { PageBook } from '../ledger/page-book.ts'
import type { BoardMaker } from '../scheduler/board-maker.ts'
import type { Coordination } from '../scheduler/coordination.ts'
import { createEngine, type Engine } from '../scheduler/engine.ts'
import type { JobBoard } from '../scheduler/job-board.ts'
import type { DiskBlobStore } from '../storage/blob-store.ts'
import { createSmallState } from '../storage/small-state.ts'
import { createRecords, type Records } from './create-records.ts'
import { OwnOrphans } from './own-orphans.ts'
import type { BlobKeeper } from '../replication/blob-keeper.ts'
import { keepBlobs } from './keep-blobs.ts'
import { MDNS_SERVICE } from './join-mesh.ts'
import { coordinationSender, judgeCoordination, judgeEntries, receiveDirect } from './mesh-core.ts'
import type { MeshIdentity, MeshPorts } from './mesh-ports.ts'
import type { PageLoader } from '../scheduler/page-loader.ts'
import { Scrub } from './scrub.ts'
import { SOFTWARE } from './software.ts'
import type { StorageWatch } from './heal-storage.ts'
import { textPacker } from './text-packer.ts'
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
  readonly maker: BoardMaker
  readonly pinsOf: Engine['pinsOf']
  readonly network: Network
  readonly store: DiskBlobStore
  readonly storage: StorageWatch
  readonly scrub: Scrub
  readonly keeper: BlobKeeper
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
  const hasRoom = (): boolean => keeper.hasRoom()
  const engine = connectEngine(identity, { ...ports, records, network, hasRoom })
  const { pages, loader, board, coordination, maker } = engine
  const keeper: BlobKeeper = keepBlobs(config, { ...ports, records, network, coordination })
  const scrub = connectScrub(dataDir, { ...ports, records, network })
  const life = wire(identity.membership.genesis.meshId, engine, { ...ports, records, network, scrub, keeper })
  const { signer, state, ledger, store, storage } = records
  const { meshId } = identity.membership.genesis
  return {
    meshId,
    self: signer.nodeId,
    signer,
    state,
    ledger,
    store,
    storage,
    scrub,
    keeper,
    network,
    pages,
    loader,
    board,
    coordination,
    maker,
    pinsOf: (job) => engine.pinsOf(job),
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
      software: SOFTWARE,
      upload: config.upload,
      download: config.download
    }
  )
}

export function syncSourceOf(ledger: Ledger): SyncSource {
  return {
    heads: () => ledger.heads(),
    range: (feed, fromSeq, toSeq) => ledger.range(feed, fromSeq, toSeq),
    async admitRange(entries) {
      return rangeAdmission(await ledger.admitRange(entries.map(({ bytes }) => bytes)), entries.length)
    },
    proofs: () => ledger.proofs(),
    proof: (feed) => ledger.proof(feed),
    async admitProof(bytes) {
      const { kind } = await ledger.admitProof(bytes)
      if (kind === 'accepted' || kind === 'known' || kind === 'refused') return kind
      return 'later'
    }
  }
}

function rangeAdmission(admission: Admission, count: number): RangeAdmission {
  switch (admission.kind) {
    case 'accepted':
    case 'known':
      return { accepted: count }
    case 'gap':
    case 'not-a-member':
      return { accepted: 0, stopped: 'later' }
    case 'fork':
      return { accepted: 0, stopped: 'fork' }
    case 'refused':
      return { accepted: 0, stopped: 'refused', why: admission.why }
  }
}

function connectEngine(
  { membership, boot }: MeshIdentity,
  parts: MeshPorts & { readonly records: Records; readonly network: Network; hasRoom(): boolean }
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
      packer: textPacker,
      connected: () => network.connected(),
      hasRoom: () => parts.hasRoom(),
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

function connectScrub(
  dataDir: string,
  { clock, log, records, network }: MeshPorts & { readonly records: Records; readonly network: Network }
): Scrub {
  const { ledger, store, codec, database } = records
  return new Scrub({
    dataDir,
    clock,
    log,
    store,
    codec,
    heads: () => ledger.heads(),
    range: (feed, fromSeq, toSeq) => ledger.range(feed, fromSeq, toSeq),
    state: createSmallState(database),
    blobs: network.blobs,
    isSuspect: records.storage.view().repair !== undefined,
    onDamage: (error) => {
      database.health.readFailed(error)
    }
  })
}

/** Connects what comes in with what it changes. */
function wire(
  meshId: MeshId,
  engine: Engine,
  parts: MeshPorts & {
    readonly records: Records
    readonly network: Network
    readonly scrub: Scrub
    readonly keeper: BlobKeeper
  }
): Pick<Mesh, 'start' | 'stop'> {
  const { records, network, log, scrub, keeper } = parts
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
  network.onPulled((node) => {
    records.ownFeed.answered(node)
  })
  network.onMember(() => {
    coordination.announce()
  })
  const orphans = new OwnOrphans({ ...parts, ...records, hasOthers: () => state.membership.all().length > 1 })
  return {
    async start() {
      await engine.load()
      records.storage.start()
      records.ownFeed.begin()
      orphans.start()
      live = true
      await network.start()
      scrub.start()
      await keeper.start()
    },
    async stop() {
      engine.stop()
      await orphans.stop()
      await scrub.stop()
      await keeper.stop()
      await ledger.stop().catch((error: unknown) => {
        // A full disk: what waits is lost, and the rest is closed all the same.
        log.error('the last records could not be written', { error: messageOf(error) })
      })
      await network.stop()
      await records.storage.stop()
      await database.close()
    }
  }
}
