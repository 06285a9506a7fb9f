import type { Config } from '../config/load-config.ts'
import { sealGenesis } from '../wire/genesis.ts'
import { createSigner } from '../wire/keys.ts'
import { loadIdentity } from './identity.ts'
import { loadMembership, saveMembership, type MeshMembership } from './mesh-files.ts'
import { NodeError } from './node-error.ts'
import { systemClock, systemRandom } from './system-clock.ts'

/** Two independent equal results publish what no trusted builder vouches for; three nodes hold each wheel. */
const DEFAULT_POLICY = { publishQuorum: 2, replication: 3, defaultLevel: 'trusted' } as const

/** The founding of a mesh whose only root is this node. */
export function makeMembership(seed: Uint8Array, name: string): MeshMembership {
  const genesis = sealGenesis({
    kind: 'genesis',
    name: name.slice(0, 100),
    roots: [createSigner(seed).nodeId],
    policy: DEFAULT_POLICY,
    createdMs: systemClock.wallMs(),
    nonce: Buffer.from(systemRandom.bytes(16)).toString('hex')
  })
  return { genesis, sponsors: [] }
}

/** `commonwheel init`: this node becomes the root of a new mesh, which begins with its first `join`. */
export async function foundMesh(
  config: Config,
  name: string
): Promise<{ readonly meshId: string; readonly ticketHint: string }> {
  const seed = await loadIdentity(config.dataDir, systemRandom)
  const known = await loadMembership(config.dataDir)
  if (known !== undefined) {
    const cure = 'leave it first (commonwheel leave), or give another folder with --data'
    throw new NodeError({ code: 'NODE_ALREADY_MEMBER', mesh: known.genesis.genesis.name, cure })
  }
  const membership = makeMembership(seed, name)
  await saveMembership(config.dataDir, membership)
  return {
    meshId: membership.genesis.meshId,
    ticketHint: 'start this node with `commonwheel join`, then make a ticket with `commonwheel invite`'
  }
}
