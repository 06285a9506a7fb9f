import type { Offer } from '../core/capacity.ts'
import type { NodeId, TargetId } from '../core/ids.ts'
import type { Entry, NodeRecord } from '../core/record.ts'
import { compareTargets, parseTarget, type Target } from '../core/target.ts'
import type { Membership } from './membership.ts'

/** What each node said of itself last. */
export interface NodeBook {
  /** True when what it offers to builds is other than before. */
  apply(entry: Pick<Entry, 'node' | 'hash'>, record: NodeRecord): boolean
  /** Forgets all. */
  reset(): void
  get(node: NodeId): NodeRecord | undefined
  /** Every node that said something of itself. */
  all(): Iterable<readonly [NodeId, NodeRecord]>
  /** Targets that some member builds for, in the cascade's order: the same list as long as they are the same. */
  targets(): readonly Target[]
  /** What the members have that build for a target. */
  offers(target: TargetId): readonly Offer[]
}

export function createNodeBook(membership: Pick<Membership, 'isMember' | 'onChange'>): NodeBook {
  const newest = new Map<NodeId, { readonly place: string; readonly record: NodeRecord }>()
  const offers = new Map<TargetId, Offer[]>()
  let targets: readonly Target[] = []
  let isStale = false

  function* builders(): Iterable<NodeRecord> {
    for (const [node, { record }] of newest)
      if (membership.isMember(node) && record.roles.includes('build')) yield record
  }

  function update(): void {
    if (!isStale) return
    isStale = false
    offers.clear()
    for (const record of builders()) {
      const offer = { limits: record.limits, packages: record.packages ?? [] }
      for (const id of new Set(record.targets)) offers.set(id, [...(offers.get(id) ?? []), offer])
    }
    const found = [...offers.keys()].map(parseTarget).sort(compareTargets)
    if (found.map(({ id }) => id).join() !== targets.map(({ id }) => id).join()) targets = found
  }

  membership.onChange(() => {
    isStale = true
  })

  return {
    apply(entry, record) {
      const place = `${String(record.saidMs).padStart(16, '0')} ${entry.hash}`
      const known = newest.get(entry.node)
      if (known !== undefined && place < known.place) return false
      newest.set(entry.node, { place, record })
      if (known !== undefined && offerText(known.record) === offerText(record)) return false
      isStale = true
      return true
    },
    reset() {
      newest.clear()
      isStale = true
    },
    get: (node) => newest.get(node)?.record,
    *all() {
      for (const [node, { record }] of newest) yield [node, record]
    },
    targets() {
      update()
      return targets
    },
    offers(target) {
      update()
      return offers.get(target) ?? []
    }
  }
}

/** All of a node's record that the queue looks at. */
function offerText({ roles, targets, limits, packages }: NodeRecord): string {
  const { memoryBytes, diskBytes, wallMs } = limits ?? {}
  return JSON.stringify([roles.includes('build'), targets, memoryBytes, diskBytes, wallMs, packages])
}
