import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { isNodeId, type NodeId } from '../core/ids.ts'
import type { Clock, Log, Random } from '../core/ports.ts'
import { createAddressBook } from './address-book.ts'
import { createBackground } from './background.ts'
import type { MeshHost } from './create-libp2p.ts'
import { KEEPER_TICK_MS, MIN_PEERS } from './gossip-limits.ts'
import { watchDiscoveries, type DiscoveryHandler } from './lan-discovery.ts'
import { createLoop } from './loop.ts'
import { memberConnections } from './member-connections.ts'
import { createPeerDialer, isMultiaddr } from './peer-dialer.ts'
import { createPubsubRepair } from './pubsub-repair.ts'

export interface PeerKeeperParts {
  readonly host: MeshHost
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface PeerKeeperOptions {
  readonly bootstrap: readonly string[]
  readonly tickMs?: number
}

/** Keeps this node connected to {@link MIN_PEERS} members or all there are: libp2p itself dials nobody twice. */
export interface PeerKeeper {
  /** Where a node says it listens; with or without its peer id at the end. */
  readonly learn: (node: NodeId, addresses: readonly string[]) => void
  /** Members with an open connection. */
  readonly connected: () => readonly NodeId[]
  /** A greeting came to a good end, or not. */
  readonly greeted: (node: NodeId) => void
  readonly refused: (node: NodeId) => void
  /** A peer was found of which nobody had told us: on the local network. One handler. */
  readonly onDiscovered: (handler: DiscoveryHandler) => void
  start(): void
  stop(): Promise<void>
}

export function createPeerKeeper(parts: PeerKeeperParts, options: PeerKeeperOptions): PeerKeeper {
  const { host, clock, log } = parts
  const { libp2p } = host
  const book = createAddressBook()
  const background = createBackground(log)
  const dialer = createPeerDialer({ ...parts, book })
  const repair = createPubsubRepair({ host, background, log })
  const loop = createLoop(parts, { name: 'peer keeper', periodMs: options.tickMs ?? KEEPER_TICK_MS, step })
  let discoveryHandler: DiscoveryHandler = () => undefined
  let endWatch = (): void => undefined

  async function step(): Promise<void> {
    repair.check()
    const members = connected().length
    if (members === 0) await Promise.all(namelessAddresses(options.bootstrap).map(dialer.dialAddress))
    if (members < MIN_PEERS) await dialer.dialSome()
  }

  function learn(node: NodeId, addresses: readonly string[]): void {
    const usable = addresses.filter(isMultiaddr)
    if (node === host.nodeId || !book.learn(node, usable)) return
    // where streams to members that we are not connected to find their way
    background.run('remember addresses', async () => {
      await libp2p.peerStore.merge(peerIdFromString(node), {
        multiaddrs: usable.map((text) => multiaddr(text))
      })
    })
    loop.wake()
  }

  function connected(): readonly NodeId[] {
    return [...memberConnections(host).keys()]
  }

  function onDiscovery(node: NodeId, addresses: readonly string[]): void {
    const wasKnown = book.addressesOf(node).length > 0
    learn(node, addresses)
    if (!wasKnown) discoveryHandler(node, addresses)
  }

  return {
    learn,
    connected,
    greeted: (node) => {
      book.succeeded(node, clock.monotonicMs())
    },
    refused: (node) => {
      book.refused(node, clock.monotonicMs())
    },
    onDiscovered: (handler) => {
      discoveryHandler = handler
    },
    start() {
      endWatch = watchDiscoveries(host, onDiscovery)
      for (const [node, address] of namedAddresses(options.bootstrap)) learn(node, [address])
      libp2p.addEventListener('peer:disconnect', loop.wake)
      loop.start()
    },
    async stop() {
      endWatch()
      libp2p.removeEventListener('peer:disconnect', loop.wake)
      await loop.stop()
      await background.stop()
    }
  }
}

/** Bootstrap addresses that name no peer: whether we are connected to them cannot be known. */
function namelessAddresses(bootstrap: readonly string[]): readonly string[] {
  return bootstrap.filter((address) => !address.includes('/p2p/') && isMultiaddr(address))
}

function namedAddresses(bootstrap: readonly string[]): readonly (readonly [NodeId, string])[] {
  return bootstrap.flatMap((address) => {
    const node = /\/p2p\/([^/]+)$/.exec(address)?.[1]
    return isNodeId(node) ? [[node, address] as const] : []
  })
}
