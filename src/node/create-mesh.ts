import type { Config } from '../config/load-config.ts'
import type { MeshId, NodeId } from '../core/ids.ts'
import type { Clock, Log, Random, Signer } from '../core/ports.ts'
import { createNetwork, type Network } from '../gossip/create-network.ts'
import { createLedger, type Ledger } from '../ledger/ledger.ts'
import type { Member } from '../ledger/membership.ts'
import { createMeshState, type MeshState } from '../ledger/mesh-state.ts'
import { createPageBook, type PageBook } from '../ledger/page-book.ts'
import { Coordination } from '../scheduler/coordination.ts'
import { JobBoard } from '../scheduler/job-board.ts'
import { createBlobStore, type DiskBlobStore } from '../storage/blob-store.ts'
import { createEntryStore } from '../storage/entry-store.ts'
import { blobFolder } from '../storage/keys.ts'
import { openDatabase } from '../storage/open-database.ts'
import { createSmallState } from '../storage/small-state.ts'
import { createEntryCodec } from '../wire/entry-codec.ts'
import { checkJoinProof } from '../wire/invite.ts'
import { createSigner, createVerifier } from '../wire/keys.ts'
import { createDoor } from './door.ts'
import { buildersOf } from './job-views.ts'
import { MDNS_SERVICE } from './join-mesh.ts'
import {
  coordinationSender,
  foldEntries,
  judgeCoordination,
  judgeEntries,
  openShards,
  receiveDirect
} from './mesh-core.ts'
import type { MeshMembership } from './mesh-files.ts'
import { createPageLoader, type PageLoader } from './page-loader.ts'
import { SOFTWARE } from './software.ts'
import { createWitnessStore } from './witness-store.ts'

/** A node's first life; another one begins when it lost its own feed and nobody can give it back. */
const FIRST_INCARNATION = '0000000000000000'

export interface MeshPorts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface MeshIdentity {
  readonly seed: Uint8Array
  readonly membership: MeshMembership
  /** Random per process. */
  readonly boot: number
}

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
  const { clock, random, log } = ports
  const { genesis, proof, sponsors } = identity.membership
  const { meshId } = genesis
  const [signer, verifier] = [createSigner(identity.seed), createVerifier()]
  const self = signer.nodeId
  const codec = createEntryCodec(meshId, signer, verifier)
  const database = await openDatabase(config.dataDir)
  const store = await createBlobStore(blobFolder(config.dataDir), { random })

  const terms = proof && checkJoinProof(verifier, meshId, self, proof)
  const believed: Member | undefined = terms && {
    node: self,
    roles: terms.roles,
    level: terms.level,
    proof: proof
  }
  const state = createMeshState(genesis.genesis, codec, believed)
  const { membership } = state
  // Until it has read the mesh's records, a newcomer knows its members from those that let it in.
  const sponsorIds = new Set(sponsors.flatMap((address) => /\/p2p\/(\w+)$/.exec(address)?.[1] ?? []))
  const isMember = (node: NodeId): boolean =>
    membership.isMember(node) || (sponsorIds.has(node) && !membership.isRevoked(node))

  let live = false
  const ledger = createLedger(
    {
      clock,
      log,
      codec,
      store: await createEntryStore(database),
      bus: { publish: (topic, bytes) => network.bus.publish(topic, bytes) },
      isMember: (node) => membership.isMember(node)
    },
    { meshId, self, incarnation: FIRST_INCARNATION }
  )
  const door = createDoor(
    { genesis, state, ledger, codec, signer, clock, random, proof },
    { acceptLan: config.acceptLan }
  )
  const network: Network = await createNetwork(
    {
      door,
      store,
      clock,
      random,
      log,
      source: {
        heads: () => ledger.heads(),
        range: (feed, fromSeq) => ledger.range(feed, fromSeq),
        async admitRange(entries) {
          const { kind } = await ledger.admitRange(entries.map(({ bytes }) => bytes))
          return { accepted: kind === 'accepted' || kind === 'known' ? entries.length : 0 }
        }
      }
    },
    {
      meshId,
      isMember,
      privateKeyRaw: identity.seed,
      listen: config.listen,
      announce: config.announce,
      bootstrap: [...config.bootstrap, ...sponsors],
      mdns: { enabled: config.mdns, serviceTag: MDNS_SERVICE },
      software: SOFTWARE
    }
  )
  const pages = createPageBook(state.observations)
  const loader = createPageLoader({
    pages,
    store,
    clock,
    log,
    observations: state.observations,
    blobs: network.blobs
  })
  const board = new JobBoard({
    state,
    pages,
    clock,
    needPage: (project) => {
      loader.need(project)
    }
  })
  const coordination = new Coordination(
    {
      clock,
      log,
      board,
      witnesses: createWitnessStore(createSmallState(database)),
      connected: () => network.connected(),
      isMember: (node) => membership.isMember(node),
      buildersOf: (target) => buildersOf(state, target),
      entryCount: () => ledger.entryCount(),
      ...coordinationSender({ meshId, signer, log, bus: network.bus, messenger: network.messenger })
    },
    { self, boot: identity.boot, roots: genesis.genesis.roots }
  )
  foldEntries({
    ledger,
    state,
    board,
    coordination,
    isLive: () => live,
    onNode: (node, addresses) => {
      if (node !== self) network.learn(node, addresses)
    }
  })
  loader.onLoaded((project) => {
    board.refresh(project)
  })
  membership.onChange(() => {
    if (live) network.membershipChanged()
  })
  network.messenger.onMessage(receiveDirect(coordination, log))
  network.bus.subscribe(
    'entries',
    judgeEntries(ledger, (from) => {
      network.gapSeen(from)
    })
  )
  network.bus.subscribe('coordination', judgeCoordination({ meshId, verifier, state, coordination }))
  network.onMember(() => {
    coordination.announce()
  })

  return {
    meshId,
    self,
    signer,
    state,
    ledger,
    pages,
    loader,
    board,
    coordination,
    network,
    store,
    async start() {
      await ledger.load()
      live = true
      openShards(state, coordination)
      board.refreshAll()
      await network.start()
    },
    async stop() {
      loader.stop()
      await ledger.stop()
      await network.stop()
      await database.close()
    }
  }
}
