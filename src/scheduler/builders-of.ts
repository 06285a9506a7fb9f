import type { NodeId, TargetId } from '../core/ids.ts'
import type { MeshState } from '../ledger/mesh-state.ts'

/** Members that say they build for a target. */
export function buildersOf({ membership, nodes }: MeshState, target: TargetId): readonly NodeId[] {
  return membership
    .all()
    .map(({ node }) => node)
    .filter((node) => {
      const record = nodes.get(node)
      return record?.buildRefusal === undefined && record?.targets.includes(target) === true
    })
}
