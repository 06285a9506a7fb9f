import type { NodeId } from '../core/ids.ts'
import {
  MAX_ADDRESSES_PER_PEER,
  MAX_KNOWN_PEERS,
  REDIAL_BASE_MS,
  REDIAL_MAX_MS,
  REFUSED_WAIT_MS
} from './gossip-limits.ts'

/** One peer that might be dialled. */
export interface KnownPeer {
  readonly node: NodeId
  readonly addresses: readonly string[]
  readonly failures: number
  readonly notBeforeMs: number
}

/** Known peers, where they are, and when they may be dialled again. Holds no clock: the caller tells the time. */
export interface AddressBook {
  /** Adds addresses; true when one of them was new. */
  learn(node: NodeId, addresses: readonly string[]): boolean
  addressesOf(node: NodeId): readonly string[]
  /** Peers that may be dialled now. */
  due(nowMs: number): readonly KnownPeer[]
  /** `jitter` in [0, 1) spreads the redials of nodes that lost a peer together. */
  failed(node: NodeId, nowMs: number, jitter: number): void
  refused(node: NodeId, nowMs: number): void
  /** Even a good peer waits a little, lest one that hangs up at once be dialled in a circle. */
  succeeded(node: NodeId, nowMs: number): void
}

export function createAddressBook(): AddressBook {
  const peers = new Map<NodeId, KnownPeer>()

  function change(node: NodeId, changes: Partial<KnownPeer>): void {
    const peer = peers.get(node)
    if (peer !== undefined) peers.set(node, { ...peer, ...changes })
  }

  function learn(node: NodeId, addresses: readonly string[]): boolean {
    const known = peers.get(node) ?? { node, addresses: [], failures: 0, notBeforeMs: 0 }
    const fresh = addresses.filter((address) => !known.addresses.includes(address))
    if (fresh.length === 0) return false
    // the newest first: a node that moved is found at once, and old addresses fall off the end
    const all = [...fresh, ...known.addresses].slice(0, MAX_ADDRESSES_PER_PEER)
    peers.set(node, { ...known, addresses: all, notBeforeMs: 0 })
    if (peers.size > MAX_KNOWN_PEERS) forgetWorst(peers)
    return true
  }

  return {
    learn,
    addressesOf: (node) => peers.get(node)?.addresses ?? [],
    due: (nowMs) => [...peers.values()].filter((peer) => peer.notBeforeMs <= nowMs),
    failed(node, nowMs, jitter) {
      const failures = (peers.get(node)?.failures ?? 0) + 1
      const waitMs = Math.min(REDIAL_MAX_MS, REDIAL_BASE_MS * 2 ** Math.min(failures - 1, 20))
      change(node, { failures, notBeforeMs: nowMs + waitMs * (0.5 + jitter) })
    },
    refused(node, nowMs) {
      change(node, { notBeforeMs: nowMs + REFUSED_WAIT_MS })
    },
    succeeded(node, nowMs) {
      change(node, { failures: 0, notBeforeMs: nowMs + REDIAL_BASE_MS })
    }
  }
}

/** Makes room for one: the peer that failed most often goes. */
function forgetWorst(peers: Map<NodeId, KnownPeer>): void {
  let worst: KnownPeer | undefined
  for (const peer of peers.values()) if (worst === undefined || peer.failures > worst.failures) worst = peer
  if (worst !== undefined) peers.delete(worst.node)
}
