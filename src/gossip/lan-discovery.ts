import type { PeerInfo } from '@libp2p/interface'
import { isNodeId, type NodeId } from '../core/ids.ts'
import type { Host } from './create-libp2p.ts'

export type DiscoveryHandler = (node: NodeId, addresses: readonly string[]) => void

/**
 * Tells of each peer with an address that becomes known to a host, once: by mDNS, by a bootstrap address, by being told.
 * Later news about its addresses go to libp2p's peer store without a word. Returns how to end it.
 */
export function watchDiscoveries(host: Host, handler: DiscoveryHandler): () => void {
  function onDiscovery({ detail }: CustomEvent<PeerInfo>): void {
    const node = detail.id.toString()
    const addresses = detail.multiaddrs.map(String)
    if (isNodeId(node) && addresses.length > 0) handler(node, addresses)
  }
  host.libp2p.addEventListener('peer:discovery', onDiscovery)
  return () => {
    host.libp2p.removeEventListener('peer:discovery', onDiscovery)
  }
}
