import type { Connection } from '@libp2p/interface'
import type { NodeId } from '../core/ids.ts'
import type { Log } from '../core/ports.ts'
import type { Background } from './background.ts'
import type { MeshHost } from './create-libp2p.ts'
import { LOST_PUBSUB_TICKS } from './gossip-limits.ts'
import { memberConnections } from './member-connections.ts'

export interface PubsubRepairParts {
  readonly host: MeshHost
  readonly background: Background
  readonly log: Log
}

/**
 * Finds members to whom we have no outbound gossip stream. Gossipsub never opens one again after losing it (a full buffer,
 * a closed second connection). To identify the peer anew makes it try; when that does not help, only a new connection does.
 */
export function createPubsubRepair({ host, background, log }: PubsubRepairParts): { check(): void } {
  const ticksLost = new Map<NodeId, number>()

  function repair(node: NodeId, connections: readonly Connection[]): void {
    const ticks = (ticksLost.get(node) ?? 0) + 1
    ticksLost.set(node, ticks)
    // the first time it may just not have been opened yet
    if (ticks === 1) return
    if (ticks <= LOST_PUBSUB_TICKS) {
      for (const connection of connections) background.run('identify again', () => host.identify(connection))
      return
    }
    log.debug('gossip stream lost for good, hung up', { node })
    ticksLost.delete(node)
    for (const connection of connections) connection.abort(new Error('gossip stream lost'))
  }

  return {
    check() {
      const members = memberConnections(host)
      for (const [node, connections] of members) {
        if (connections.some(hasPubsubStream)) ticksLost.delete(node)
        else repair(node, connections)
      }
      for (const node of ticksLost.keys()) if (!members.has(node)) ticksLost.delete(node)
    }
  }
}

function hasPubsubStream(connection: Connection): boolean {
  return connection.streams.some(
    ({ direction, protocol, status }) =>
      direction === 'outbound' && status === 'open' && protocol.startsWith('/meshsub')
  )
}
