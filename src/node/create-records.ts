import type { NodeId } from '../core/ids.ts'
import type { GossipBus, Signer, Verifier } from '../core/ports.ts'
import type { Door } from '../gossip/door-ports.ts'
import { createLedger, type Ledger } from '../ledger/ledger.ts'
import type { OwnFeedGate } from '../ledger/own-feed.ts'
import type { Member } from '../ledger/membership.ts'
import { createMeshState, type MeshState } from '../ledger/mesh-state.ts'
import { createBlobStore, type DiskBlobStore } from '../storage/blob-store.ts'
import { blobFolder } from '../storage/keys.ts'
import { meterBlobs, type BlobMeter } from '../replication/blob-meter.ts'
import { createRowStore } from '../storage/row-store.ts'
import type { Database } from '../storage/open-database.ts'
import { createSmallState } from '../storage/small-state.ts'
import { createEntryCodec } from '../wire/entry-codec.ts'
import { checkJoinProof } from '../wire/invite.ts'
import { createSigner, createVerifier } from '../wire/keys.ts'
import type { MeshIdentity, MeshPorts } from './mesh-ports.ts'
import { createDoor } from './door.ts'
import { StorageWatch } from './heal-storage.ts'
import { openStorage } from './open-storage.ts'
import { createOwnFeed } from './own-feed.ts'

/** What is on disk, and what is read from it. */
export interface Records {
  readonly signer: Signer
  readonly verifier: Verifier
  readonly database: Database
  readonly store: DiskBlobStore
  readonly meter: BlobMeter<DiskBlobStore>
  readonly state: MeshState
  readonly ledger: Ledger
  readonly ownFeed: OwnFeedGate
  readonly door: Door
  readonly storage: StorageWatch
  readonly codec: ReturnType<typeof createEntryCodec>
  /** Who may talk to this node: members, and until it knows them, those that let it in. */
  isPeer(node: NodeId): boolean
}

export interface RecordsOptions {
  readonly dataDir: string
  readonly acceptLan: boolean
  /** Where own entries are told once they are on disk. */
  readonly publish: GossipBus['publish']
}

/** Opens this node's storage and puts the ledger on it; nothing is read before `ledger.load()`. */
export async function createRecords(
  { seed, membership }: MeshIdentity,
  ports: MeshPorts,
  options: RecordsOptions
): Promise<Records> {
  const { clock, random, log } = ports
  const { genesis, proof, sponsors } = membership
  const { meshId } = genesis
  const [signer, verifier] = [createSigner(seed), createVerifier()]
  const self = signer.nodeId
  const codec = createEntryCodec(meshId, signer, verifier)
  const { database, entries, repair } = await openStorage(options.dataDir, { self, codec, log })
  const terms = proof && checkJoinProof(verifier, meshId, self, proof)
  const believed: Member | undefined = terms && { node: self, roles: terms.roles, level: terms.level, proof }
  const rows = createRowStore(database)
  const state = createMeshState(genesis.genesis, codec, believed, { rows, codec, clock, log })
  const isMember = (node: NodeId): boolean => state.membership.isMember(node)
  const wasAdmitted = (node: NodeId): boolean => state.membership.wasAdmitted(node)
  const ownFeed = await createOwnFeed(createSmallState(database), ports, () => othersIn(state, self))
  const ledger = createLedger(
    {
      clock,
      log,
      codec,
      wasAdmitted,
      ownFeed,
      views: state.views,
      store: entries,
      bus: { publish: options.publish }
    },
    { meshId, self }
  )
  const { acceptLan } = options
  const door = createDoor({ genesis, state, ledger, codec, signer, clock, random, proof }, { acceptLan })
  const meter = meterBlobs(await createBlobStore(blobFolder(options.dataDir), { random }), clock)
  const sponsorIds = new Set(sponsors.flatMap((address) => /\/p2p\/(\w+)$/.exec(address)?.[1] ?? []))
  return {
    signer,
    verifier,
    database,
    store: meter.store,
    meter,
    state,
    ledger,
    ownFeed,
    door,
    codec,
    storage: new StorageWatch({
      dataDir: options.dataDir,
      self,
      database,
      clock,
      log,
      repair,
      heads: () => ledger.heads()
    }),
    isPeer: (node) => isMember(node) || (sponsorIds.has(node) && !state.membership.isRevoked(node))
  }
}

function othersIn({ membership }: MeshState, self: NodeId): readonly NodeId[] {
  return membership.all().flatMap(({ node }) => (node === self ? [] : [node]))
}
