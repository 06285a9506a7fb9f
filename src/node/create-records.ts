import type { NodeId } from '../core/ids.ts'
import type { GossipBus, Random, Signer, Verifier } from '../core/ports.ts'
import type { Door } from '../gossip/door-ports.ts'
import { createLedger, type Ledger } from '../ledger/ledger.ts'
import type { Member } from '../ledger/membership.ts'
import { createMeshState, type MeshState } from '../ledger/mesh-state.ts'
import { createBlobStore, type DiskBlobStore } from '../storage/blob-store.ts'
import { createEntryStore } from '../storage/entry-store.ts'
import { blobFolder } from '../storage/keys.ts'
import { openDatabase, type Database } from '../storage/open-database.ts'
import { createSmallState } from '../storage/small-state.ts'
import { createEntryCodec } from '../wire/entry-codec.ts'
import { checkJoinProof } from '../wire/invite.ts'
import { createSigner, createVerifier } from '../wire/keys.ts'
import type { MeshIdentity, MeshPorts } from './mesh-ports.ts'
import { createDoor } from './door.ts'

const INCARNATION_KEY = 'incarnation'

/** What is on disk, and what is read from it. */
export interface Records {
  readonly signer: Signer
  readonly verifier: Verifier
  readonly database: Database
  readonly store: DiskBlobStore
  readonly state: MeshState
  readonly ledger: Ledger
  readonly door: Door
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
  const database = await openDatabase(options.dataDir)
  const terms = proof && checkJoinProof(verifier, meshId, self, proof)
  const believed: Member | undefined = terms && { node: self, roles: terms.roles, level: terms.level, proof }
  const state = createMeshState(genesis.genesis, codec, believed)
  const isMember = (node: NodeId): boolean => state.membership.isMember(node)
  const wasAdmitted = (node: NodeId): boolean => state.membership.wasAdmitted(node)
  const ledger = createLedger(
    {
      clock,
      log,
      codec,
      wasAdmitted,
      store: await createEntryStore(database),
      bus: { publish: options.publish }
    },
    { meshId, self, incarnation: await incarnationOf(database, random) }
  )
  const { acceptLan } = options
  const door = createDoor({ genesis, state, ledger, codec, signer, clock, random, proof }, { acceptLan })
  const store = await createBlobStore(blobFolder(options.dataDir), { random })
  const sponsorIds = new Set(sponsors.flatMap((address) => /\/p2p\/(\w+)$/.exec(address)?.[1] ?? []))
  return {
    signer,
    verifier,
    database,
    store,
    state,
    ledger,
    door,
    isPeer: (node) => isMember(node) || (sponsorIds.has(node) && !state.membership.isRevoked(node))
  }
}

/** A database that is new begins a new feed: a node that lost its records must not write a second history of the old one. */
async function incarnationOf(database: Database, random: Random): Promise<string> {
  const small = createSmallState(database)
  const known = await small.get(INCARNATION_KEY)
  if (known !== undefined) return new TextDecoder().decode(known)
  const fresh = Buffer.from(random.bytes(8)).toString('hex')
  await small.put(INCARNATION_KEY, new TextEncoder().encode(fresh), { sync: true })
  return fresh
}
