import { gossipsub, type GossipSub } from '@chainsafe/libp2p-gossipsub'
import { bootstrap } from '@libp2p/bootstrap'
import { generateKeyPairFromSeed, privateKeyFromRaw } from '@libp2p/crypto/keys'
import { identify, type Identify } from '@libp2p/identify'
import type { Connection, Libp2p, PrivateKey } from '@libp2p/interface'
import { mdns } from '@libp2p/mdns'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import { isNodeId, type MeshId, type NodeId } from '../core/ids.ts'
import {
  MAX_CONNECTIONS,
  PEER_STORE_AGE_MS,
  SOCKET_BUFFER_BYTES,
  STREAM_WINDOW_BYTES
} from './gossip-limits.ts'
import { gossipsubOptions } from './gossipsub-options.ts'

/** Tells whether a node belongs to the mesh now. Asked often: must be cheap. */
export type IsMember = (node: NodeId) => boolean

export interface HostOptions {
  /** Ed25519: the 32-byte seed, or the 64 bytes of libp2p (seed and public key). */
  readonly privateKeyRaw: Uint8Array
  /** Multiaddrs to listen on; none: this node only dials. */
  readonly listen: readonly string[]
  /** Multiaddrs to announce besides those that we listen on (a forwarded port). */
  readonly announce?: readonly string[]
  /** Multiaddrs of peers to find the mesh by, with or without their peer ids. */
  readonly bootstrap?: readonly string[]
  readonly mdns: { readonly enabled: boolean; readonly serviceTag: string }
  /** In place of TCP: tests pass @libp2p/memory. */
  readonly transports?: Libp2pOptions['transports']
}

export interface MeshHostOptions extends HostOptions {
  readonly meshId: MeshId
  readonly isMember: IsMember
}

/** A libp2p node, made but not started, behind which everything else of src/gossip stands. */
export interface Host {
  readonly nodeId: NodeId
  readonly libp2p: Libp2p
  /** Multiaddrs at which others can reach this node, with its peer id. */
  addresses(): readonly string[]
}

/** The host of a node that belongs to a mesh. */
export interface MeshHost extends Host {
  readonly meshId: MeshId
  readonly isMember: IsMember
  readonly pubsub: GossipSub
  /** Learns a member's protocols, whereupon gossipsub opens its stream if it has none. */
  identify(connection: Connection): Promise<void>
}

/** Services that gossipsub's own types leave out of libp2p's. */
interface MeshServices extends Record<string, unknown> {
  readonly identify: Identify
  readonly pubsub: GossipSub
}

export async function createHost(options: MeshHostOptions): Promise<MeshHost> {
  const { meshId, isMember } = options
  const libp2p = await createLibp2p<MeshServices>({
    ...(await baseOptions(options)),
    services: {
      /*
       * Not on every connection: gossipsub opens its stream to whomever has been identified, and sends its subscriptions
       * once. To a peer that does not yet take us for a member they would be lost for the life of the connection; so
       * hello-protocol.ts identifies, when both sides have agreed.
       */
      identify: identify({ runOnConnectionOpen: false }),
      ping: ping(),
      pubsub: gossipsub(gossipsubOptions(meshId, isMember))
    }
  })
  const { identify: identifier, pubsub } = libp2p.services
  return {
    ...hostOf(libp2p),
    meshId,
    isMember,
    pubsub,
    identify: async (connection) => {
      await identifier.identify(connection)
    }
  }
}

/**
 * The host of a node that belongs to no mesh yet: it can find peers, and knock at the door. It listens nowhere, so that
 * no member dials it, finds no hello there, and hangs up in the middle of its question.
 */
export async function createNewcomerHost(options: Omit<HostOptions, 'listen' | 'announce'>): Promise<Host> {
  const base = await baseOptions({ ...options, listen: [] })
  return hostOf(await createLibp2p<Record<string, unknown>>({ ...base, services: { ping: ping() } }))
}

/** The peer of a connection. The gater lets only Ed25519 keys in, so that every peer id is a node id. */
export function nodeOf(connection: Connection): NodeId {
  return connection.remotePeer.toString() as NodeId
}

function hostOf(libp2p: Libp2p): Host {
  return {
    nodeId: libp2p.peerId.toString() as NodeId,
    libp2p,
    addresses: () => libp2p.getMultiaddrs().map(String)
  }
}

async function baseOptions(options: HostOptions): Promise<Libp2pOptions> {
  const { listen, announce = [], transports = [tcp(SOCKETS)] } = options
  const withPeerId = (options.bootstrap ?? []).filter((address) => address.includes('/p2p/'))
  return {
    start: false,
    privateKey: await privateKeyOf(options.privateKeyRaw),
    nodeInfo: { name: 'commonwheel' },
    addresses: { listen: [...listen], appendAnnounce: [...announce] },
    transports,
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES } })],
    peerDiscovery: [
      ...(options.mdns.enabled ? [mdns({ serviceTag: options.mdns.serviceTag })] : []),
      ...(withPeerId.length > 0 ? [bootstrap({ list: withPeerId })] : [])
    ],
    // private addresses are where our nodes live
    connectionGater: {
      denyDialMultiaddr: () => false,
      denyInboundEncryptedConnection: (peer) => !isNodeId(peer.toString()),
      denyOutboundEncryptedConnection: (peer) => !isNodeId(peer.toString())
    },
    ...CONNECTION_LIMITS
  }
}

/**
 * The high-water mark is node's (net.Socket), which libp2p passes on: by default a socket is full after 16 KiB, and each
 * encrypted message of 64 KiB would wait for the one before to leave.
 */
const SOCKET = { noDelay: true, highWaterMark: SOCKET_BUFFER_BYTES }
const SOCKETS = { dialOpts: SOCKET, listenOpts: SOCKET }

const CONNECTION_LIMITS = {
  connectionManager: {
    maxConnections: MAX_CONNECTIONS,
    // a school, or a farm of Pis behind one address, starts at once after a power cut; the defaults are 5 and 10
    inboundConnectionThreshold: 50,
    maxIncomingPendingConnections: 50,
    // the peer keeper redials with back-off
    reconnectRetries: 0
  },
  // by default an address is forgotten after an hour, and with it the way to a member that nobody dialled meanwhile
  peerStore: { maxAddressAge: PEER_STORE_AGE_MS, maxPeerAge: PEER_STORE_AGE_MS },
  // libp2p pings every 10 s and cuts after some 5 s of silence: a Pi that swaps is slower than that and still there
  connectionMonitor: { pingInterval: 15_000, pingTimeout: { minTimeout: 15_000, maxTimeout: 60_000 } }
} as const satisfies Libp2pOptions

async function privateKeyOf(raw: Uint8Array): Promise<PrivateKey> {
  return raw.byteLength === 32 ? generateKeyPairFromSeed('Ed25519', raw) : privateKeyFromRaw(raw)
}
