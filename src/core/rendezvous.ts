import { sha256Hex } from './digest.ts'
import type { NodeId } from './ids.ts'

/** Whether `a` comes before `b` in that order. */
export function isPreferred(key: string, a: NodeId, b: NodeId): boolean {
  return sha256Hex(`${key} ${a}`) < sha256Hex(`${key} ${b}`)
}

/** Nodes in the order in which they are preferred for `key` (highest random weight): removing one moves nobody else. */
export function rendezvousOrder(key: string, nodes: Iterable<NodeId>): readonly NodeId[] {
  return [...nodes]
    .map((node) => ({ node, weight: sha256Hex(`${key} ${node}`) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : a.weight > b.weight ? 1 : 0))
    .map(({ node }) => node)
}
