import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../core/errors.ts'
import type { Clock, Log, Random } from '../core/ports.ts'
import type { AddressBook, KnownPeer } from './address-book.ts'
import type { MeshHost } from './create-libp2p.ts'
import { DIALS_PER_TICK, OPEN_STREAM_TIMEOUT_MS } from './gossip-limits.ts'

export interface PeerDialerParts {
  readonly host: MeshHost
  readonly book: AddressBook
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface PeerDialer {
  /** Dials some of the peers that are due, in random order. */
  dialSome(): Promise<void>
  /** Dials an address of which we do not know who is there. */
  readonly dialAddress: (address: string) => Promise<void>
}

export function createPeerDialer({ host, book, clock, random, log }: PeerDialerParts): PeerDialer {
  const { libp2p } = host

  async function dialPeer({ node, addresses }: KnownPeer): Promise<void> {
    // counted as failed until the greeting ends well: a peer that hangs up before is as good as unreachable
    book.failed(node, clock.monotonicMs(), random.float())
    try {
      // by its id: besides these addresses the peer store has those that mDNS and identify told
      const peer = peerIdFromString(node)
      await libp2p.peerStore.merge(peer, { multiaddrs: addresses.map((address) => multiaddr(address)) })
      await libp2p.dial(peer, dialLimit())
    } catch (error) {
      log.debug('could not dial a peer', { node, why: messageOf(error) })
    }
  }

  return {
    async dialSome() {
      const candidates = shuffled(book.due(clock.monotonicMs()), random).filter(
        ({ node }) => libp2p.getConnections(peerIdFromString(node)).length === 0
      )
      await Promise.all(candidates.slice(0, DIALS_PER_TICK).map(dialPeer))
    },
    async dialAddress(address) {
      await libp2p.dial(multiaddr(address), dialLimit()).catch((error: unknown) => {
        log.debug('could not dial an address', { address, why: messageOf(error) })
      })
    }
  }
}

/** Addresses may come from a stranger's record. */
export function isMultiaddr(text: string): boolean {
  try {
    multiaddr(text)
    return true
  } catch {
    return false
  }
}

function dialLimit(): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(OPEN_STREAM_TIMEOUT_MS) }
}

function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  return items
    .map((item) => ({ item, at: random.float() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
