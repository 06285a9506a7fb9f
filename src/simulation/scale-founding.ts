import { UPSTREAM_SHARD, viewHash, type ShardId } from '../core/coordination.ts'
import type { NodeId, TargetId } from '../core/ids.ts'
import { rendezvousOrder } from '../core/rendezvous.ts'
import { shardsOf, sliceCount } from '../core/shard.ts'
import type { WitnessMemory } from '../scheduler/lease-witness.ts'

export interface Founding {
  readonly nodes: readonly NodeId[]
  readonly roots: readonly NodeId[]
  readonly targets: readonly TargetId[]
}

/**
 * How a mesh stands that has long been up: every shard has a node that leads it, the first in rendezvous order, and all others
 * remember it. The leader itself begins without a memory, so that it stands at once; the others wait until it beats. So nobody
 * need simulate how a thousand nodes that know nothing of each other come to agree.
 */
export function witnessMemories({
  nodes,
  roots,
  targets
}: Founding): (node: NodeId, shard: ShardId) => WitnessMemory | undefined {
  const view = { epoch: 0, witnesses: roots }
  const shards = targets.flatMap((target): readonly ShardId[] => shardsOf(target, sliceCount(nodes.length)))
  const memories = new Map<ShardId, WitnessMemory>()
  for (const shard of [...shards, UPSTREAM_SHARD] as readonly ShardId[]) {
    const [holder] = rendezvousOrder(shard, nodes)
    if (holder !== undefined)
      memories.set(shard, { view, highest: { epoch: 0, view: viewHash(view), term: 0, holder } })
  }
  return (node, shard) => {
    const memory = memories.get(shard)
    return memory?.highest.holder === node ? undefined : memory
  }
}
