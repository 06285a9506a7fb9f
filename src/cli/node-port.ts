import type { foundMesh } from '../node/found-mesh.ts'
import type { startNode } from '../node/start-node.ts'

/** What `join` and `init` need of src/node. */
export interface NodePort {
  readonly startNode: typeof startNode
  readonly foundMesh: typeof foundMesh
}

/** Loads libp2p and all that belongs to a node: seconds on a small Pi, for which the other commands need not wait. */
export async function loadNode(): Promise<NodePort> {
  const [start, found] = await Promise.all([import('../node/start-node.ts'), import('../node/found-mesh.ts')])
  return { startNode: start.startNode, foundMesh: found.foundMesh }
}
