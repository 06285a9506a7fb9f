import type { ShardId, View } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import { LARGE_MESH_NODES, WITNESSES_LARGE, WITNESSES_SMALL } from '../core/limits.ts'
import { rendezvousOrder } from '../core/rendezvous.ts'

/** How many witnesses a shard has when so many nodes can coordinate: odd, so that a majority is worth most. */
function witnessCount(nodes: number): number {
  if (nodes >= LARGE_MESH_NODES) return WITNESSES_LARGE
  return nodes >= WITNESSES_SMALL ? WITNESSES_SMALL : 1
}

/** The view that reachable nodes form when a majority of the last one's witnesses is out of reach. */
export function emergencyView(shard: ShardId, lastEpoch: number, reachable: readonly NodeId[]): View {
  const order = rendezvousOrder(shard, reachable)
  return { epoch: lastEpoch + 1, witnesses: order.slice(0, witnessCount(order.length)) }
}

export interface ViewProposal {
  readonly shard: ShardId
  readonly current: View
  /** The highest epoch heard of. */
  readonly lastEpoch: number
  readonly present: readonly NodeId[]
  readonly isHealthy: (witness: NodeId) => boolean
}

/**
 * The view that a holder in office should change to, or undefined: the mesh has outgrown its witnesses, or one of them is gone and
 * another can take its place. Healthy witnesses stay, so that a view changes as little as it can.
 */
export function proposeView({
  shard,
  current,
  lastEpoch,
  present,
  isHealthy
}: ViewProposal): View | undefined {
  const here = new Set(present)
  const size = Math.max(current.witnesses.length, witnessCount(here.size))
  const healthy = current.witnesses.filter((node) => isHealthy(node) && here.has(node))
  if (healthy.length === current.witnesses.length && healthy.length >= size) return undefined
  const others = rendezvousOrder(
    shard,
    present.filter((node) => !current.witnesses.includes(node))
  )
  const witnesses = [...healthy, ...others].slice(0, size)
  return witnesses.length < size ? undefined : { epoch: Math.max(current.epoch, lastEpoch) + 1, witnesses }
}
