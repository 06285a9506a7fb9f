/** Where one node runs, and where others reach it. */
export interface Place {
  /** A command that becomes the node. */
  readonly under: readonly string[]
  /** Multiaddr for the other nodes. */
  readonly listen: string
  readonly httpHost: string
  readonly env: Readonly<Record<string, string>>
}

/** A network of two halves between which nothing passes while it is cut. HTTP and upstream stay reachable for all. */
export interface MeshNetwork {
  readonly kind: NetworkKind
  /** One a node. */
  readonly places: readonly Place[]
  /** Where a server of this process is reached by every node. */
  readonly upstreamHost: string
  cut(): void
  heal(): void
  /** Nothing of it is left. To be called when the nodes have ended; synchronous, so that also `exit` handlers may. */
  close(): void
}

export type NetworkKind = 'namespaces' | 'proxies'

/** Nodes below this index are the one half. */
export function halfOf(index: number, nodes: number): 0 | 1 {
  return index < Math.ceil(nodes / 2) ? 0 : 1
}
