import { createProxies } from './cut-proxies.ts'
import type { MeshNetwork, NetworkKind } from './mesh-network.ts'
import { createNamespaces } from './namespaces.ts'

/** Namespaces where this process may make them, otherwise proxies; or the one that is asked for. */
export async function createMeshNetwork(nodes: number, kind?: NetworkKind): Promise<MeshNetwork> {
  if (kind !== 'proxies') {
    try {
      return createNamespaces(nodes)
    } catch (error) {
      if (kind === 'namespaces') throw error
    }
  }
  return createProxies(nodes)
}
