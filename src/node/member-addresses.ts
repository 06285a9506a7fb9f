import type { Mesh } from './create-mesh.ts'

/** Own addresses at the front of a list that has room for others. */
const OWN_ADDRESSES = 3

/** Where a newcomer finds this mesh: this node first, then every other member, for when this one is away. */
export function memberAddresses({
  state,
  network,
  self
}: Pick<Mesh, 'state' | 'network' | 'self'>): readonly string[] {
  const others = state.membership.all().flatMap(({ node }) => {
    const [address] = node === self ? [] : usefulFirst(state.nodes.get(node)?.addresses ?? [])
    return address === undefined ? [] : [`${address}/p2p/${node}`]
  })
  return [...usefulFirst(network.host.addresses()).slice(0, OWN_ADDRESSES), ...others]
}

function usefulFirst(addresses: readonly string[]): readonly string[] {
  return [...addresses].sort((a, b) => Number(isUseful(b)) - Number(isUseful(a)))
}

/** Loopback leads a newcomer to itself; it serves only meshes on one machine, which have nothing else. */
function isUseful(address: string): boolean {
  return !/^\/ip(4\/127\.|6\/::1\/)/.test(address)
}
