import type { NodeId, Sha256 } from '../core/ids.ts'
import { SYNC_PERIOD_MS } from '../core/limits.ts'
import type { Clock, GossipBus, Log, Messenger, PieceStore, Random, Startable } from '../core/ports.ts'
import { createBlobClient } from './blob-client.ts'
import { probeHolder, type ProbeAnswer, type ProbeOptions } from './blob-probe.ts'
import { serveBlobs } from './blob-server.ts'
import { createByteRate } from './byte-rate.ts'
import { createBlobSource, type StreamingBlobSource } from './blob-source.ts'
import { createHost, type MeshHost, type MeshHostOptions } from './create-libp2p.ts'
import type { Door } from './door-ports.ts'
import { serveDoor } from './door-server.ts'
import { createGossipBus } from './gossip-bus.ts'
import { HELLO_TIMEOUT_MS, KEEPER_TICK_MS } from './gossip-limits.ts'
import { serveHello } from './hello-protocol.ts'
import { createMessenger } from './messenger.ts'
import { createObserverExchange, type ObserverExchange } from './observe-protocol.ts'
import type { DiscoveryHandler } from './lan-discovery.ts'
import { createPeerKeeper } from './peer-keeper.ts'
import { createPeerStanding } from './peer-standing.ts'
import { createStrangerLimit } from './rate-limit.ts'
import { createStrangerWatch } from './stranger-watch.ts'
import { SyncHeads } from './sync-heads.ts'
import { createSyncLoop } from './sync-loop.ts'
import type { SyncSource } from './sync-ports.ts'
import { serveSync } from './sync-server.ts'

export interface NetworkParts {
  readonly door: Door
  readonly source: SyncSource
  readonly store: PieceStore
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface NetworkOptions extends MeshHostOptions {
  /** Version of this program, told to members. */
  readonly software: string
  /** Bytes a second that blobs may take of the link, to all peers and from all of them; absent or 0: no cap. */
  readonly upload?: number
  readonly download?: number
  readonly helloTimeoutMs?: number
  readonly syncPeriodMs?: number
  readonly keeperTickMs?: number
}

/** Everything that a member says and hears. */
export interface Network extends Startable {
  readonly host: MeshHost
  readonly bus: GossipBus
  readonly messenger: Messenger
  readonly blobs: StreamingBlobSource
  /** Whether a member holds a blob, now. */
  probe(node: NodeId, digest: Sha256, options: ProbeOptions): Promise<ProbeAnswer>
  /** Questions to the member that follows upstream, and from others to this one. */
  readonly observers: Pick<ObserverExchange, 'ask' | 'onAsked'>
  /** Members with an open connection. */
  connected(): readonly NodeId[]
  /** Where a node says that it listens (its `node` record). */
  learn(node: NodeId, addresses: readonly string[]): void
  /** `isMember` may answer otherwise now: hang up on who is none, and look for records of who is. */
  membershipChanged(): void
  /** This peer gossiped an entry whose predecessor we lack. */
  gapSeen(from: NodeId): void
  /** A member said what no honest node can say: too often, and its connection ends for a while. */
  readonly blame: (node: NodeId, rule: string) => void
  /** A member was greeted on a new connection. One handler. */
  onMember(handler: (node: NodeId) => void): void
  /** All that a member held and this node lacked is here now. One handler. */
  onPulled(handler: (node: NodeId) => void): void
  /** A peer was found of which nobody had told us: on the local network. One handler. */
  onDiscovered(handler: DiscoveryHandler): void
}

/** Puts the parts of src/gossip together for a member of a mesh; nothing runs before `start`. */
export async function createNetwork(parts: NetworkParts, options: NetworkOptions): Promise<Network> {
  const standing = createPeerStanding(parts)
  const isMember = (node: NodeId): boolean => options.isMember(node) && !standing.isBarred(node)
  const blame = (node: NodeId, rule: string): void => {
    if (standing.blame(node, rule)) watch.hangUp(node)
  }
  let pulledHandler: (node: NodeId) => void = () => undefined
  const onPulled = (node: NodeId): void => {
    pulledHandler(node)
  }
  const host = await createHost({ ...options, isMember })
  const pieces = createPieces({ ...parts, blame, onPulled }, host, options)
  const { bus, messenger, blobs, keeper, sync, watch } = pieces
  let memberHandler: (node: NodeId) => void = () => undefined
  let endHello = async (): Promise<void> => undefined

  function onMember(node: NodeId): void {
    keeper.greeted(node)
    sync.request(node)
    memberHandler(node)
  }

  return {
    name: 'network',
    host,
    bus,
    messenger,
    blobs,
    probe: pieces.probe,
    observers: pieces.observers,
    connected: keeper.connected,
    learn: keeper.learn,
    onDiscovered: keeper.onDiscovered,
    blame,
    onMember: (handler) => {
      memberHandler = handler
    },
    onPulled: (handler) => {
      pulledHandler = handler
    },
    membershipChanged() {
      watch.sweep()
      sync.requestAny()
    },
    gapSeen: (from) => {
      sync.request(from)
    },
    async start() {
      const greeting = { software: options.software, onMember, onRefused: keeper.refused }
      try {
        endHello = await startPieces({ ...parts, blame }, pieces, greeting)
      } catch (error) {
        // a port in use: what had begun ends, so that nothing is left behind
        await stopPieces(pieces)
        throw error
      }
    },
    async stop() {
      await endHello()
      await stopPieces(pieces)
    }
  }
}

type Pieces = ReturnType<typeof createPieces>
type PieceParts = NetworkParts & Pick<Network, 'blame'>
type LoopParts = PieceParts & { readonly onPulled: (node: NodeId) => void }

function createPieces(
  { source, store, clock, random, log, blame, onPulled }: LoopParts,
  host: MeshHost,
  options: NetworkOptions
) {
  const helloTimeoutMs = options.helloTimeoutMs ?? HELLO_TIMEOUT_MS
  const keeper = createPeerKeeper(
    { host, clock, random, log },
    { bootstrap: options.bootstrap ?? [], tickMs: options.keeperTickMs ?? KEEPER_TICK_MS }
  )
  const peers = keeper.connected
  const index = new SyncHeads(source)
  const download = createByteRate(clock, options.download ?? 0)
  const client = createBlobClient({ host, download, blame })
  return {
    host,
    keeper,
    index,
    strangers: createStrangerLimit(clock),
    watch: createStrangerWatch({ host, clock, log }, { helloTimeoutMs }),
    bus: createGossipBus({ host, log }),
    messenger: createMessenger({ host, clock, log }),
    sync: createSyncLoop(
      { host, source, index, clock, random, log, peers, blame, onPulled },
      { periodMs: options.syncPeriodMs ?? SYNC_PERIOD_MS }
    ),
    probe: (peer: NodeId, digest: Sha256, options: ProbeOptions) =>
      probeHolder(client, { peer, digest }, options),
    observers: createObserverExchange(host),
    upload: createByteRate(clock, options.upload ?? 0),
    blobs: createBlobSource({ self: host.nodeId, store, client, peers, clock, log })
  }
}

/** In the order in which a connection meets them. */
async function startPieces(
  { door, source, store, log, blame }: PieceParts,
  { host, index, strangers, watch, bus, messenger, sync, keeper, upload, observers }: Pieces,
  greeting: Parameters<typeof serveHello>[1]
): Promise<() => Promise<void>> {
  await serveDoor({ host, door, strangers, log })
  const endHello = await serveHello({ host, door, strangers, log }, greeting)
  await messenger.start()
  await serveBlobs({ host, store, log, upload })
  await serveSync({ host, source, index, log, blame }, (from) => {
    sync.request(from, { prompted: true })
  })
  await observers.serve(log)
  watch.start()
  await host.libp2p.start()
  bus.start()
  sync.start()
  keeper.start()
  return endHello
}

async function stopPieces({ host, watch, messenger, blobs, sync, keeper }: Pieces): Promise<void> {
  await keeper.stop()
  await sync.stop()
  await blobs.stop()
  await messenger.stop()
  await watch.stop()
  await host.libp2p.stop()
}
