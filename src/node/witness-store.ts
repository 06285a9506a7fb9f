import type { ShardId } from '../core/coordination.ts'
import type { WitnessStore } from '../scheduler/coordination.ts'
import type { SmallState } from '../storage/small-state.ts'
import { decodeCbor, encodeCbor } from '../wire/cbor.ts'
import { readWitnessMemory } from '../wire/coordination-codec.ts'

const MAX_MEMORY_BYTES = 4_096

/** What this node promised as a witness, across restarts. */
export function createWitnessStore(state: SmallState): WitnessStore {
  const key = (shard: ShardId): string => `witness/${shard}`
  return {
    async load(shard) {
      const stored = await state.get(key(shard))
      return stored === undefined
        ? undefined
        : readWitnessMemory(decodeCbor(stored, { maxBytes: MAX_MEMORY_BYTES }))
    },
    save: (shard, memory) => state.put(key(shard), encodeCbor(memory), { sync: true })
  }
}
