import type { NodeId, TargetId } from '../core/ids.ts'
import type { Entry, NodeRecord } from '../core/record.ts'
import { compareTargets, parseTarget, type Target } from '../core/target.ts'
import type { Membership } from './membership.ts'

/** What each node said of itself last. */
export interface NodeBook {
  apply(entry: Entry, record: NodeRecord): void
  get(node: NodeId): NodeRecord | undefined
  /** Targets that some member builds for, in the cascade's order. */
  targets(): readonly Target[]
}

export function createNodeBook(membership: Pick<Membership, 'isMember'>): NodeBook {
  const newest = new Map<NodeId, { readonly place: string; readonly record: NodeRecord }>()
  return {
    apply(entry, record) {
      const place = `${String(record.saidMs).padStart(16, '0')} ${entry.hash}`
      const known = newest.get(entry.node)
      if (known === undefined || place >= known.place) newest.set(entry.node, { place, record })
    },
    get: (node) => newest.get(node)?.record,
    targets() {
      const ids = new Set<TargetId>()
      for (const [node, { record }] of newest) {
        if (membership.isMember(node) && record.roles.includes('build'))
          for (const id of record.targets) ids.add(id)
      }
      return [...ids].map(parseTarget).sort(compareTargets)
    }
  }
}
