import type { Connection } from '@libp2p/interface'
import type { NodeId } from '../core/ids.ts'
import { nodeOf, type MeshHost } from './create-libp2p.ts'

/** Open connections to members, by member. */
export function memberConnections(host: MeshHost): ReadonlyMap<NodeId, readonly Connection[]> {
  const byNode = new Map<NodeId, Connection[]>()
  for (const connection of host.libp2p.getConnections()) {
    const node = nodeOf(connection)
    if (connection.status !== 'open' || !host.isMember(node)) continue
    const others = byNode.get(node)
    if (others === undefined) byNode.set(node, [connection])
    else others.push(connection)
  }
  return byNode
}
