import { rm } from 'node:fs/promises'
import type { Sha256 } from '../../src/core/ids.ts'
import type { Dice } from '../../src/simulation/seeded-random.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'
import { blobFile, goodBlobs, type KeptBlob } from './blobs-on-disk.ts'
import { flipByte, flipDatabase, restoreCopy, wipe, type Flip } from './damage.ts'
import { drawRoles, isSpare, type Holdings, type Roles } from './roles.ts'

/** Key and membership. */
const KEPT_BY_THE_WIPED = ['node.key', 'mesh.cbor']

export interface DisasterPlan {
  readonly nodes: readonly NodeProcess[]
  /** Where the old copy of a node's data folder lies. */
  readonly copyOf: (name: string) => string
  readonly kept: readonly KeptBlob[]
  readonly flips: { readonly database: number; readonly blobs: number }
  readonly dice: Dice
}

export interface Disaster {
  readonly roles: Roles
  /** Blobs that had no good copy left in the whole mesh afterwards. */
  readonly doomed: readonly KeptBlob[]
  readonly flips: readonly Flip[]
  /** Digests of the flipped blobs. */
  readonly flippedBlobs: ReadonlySet<Sha256>
}

/** Everything at once, while no node runs. */
export async function strike({ nodes, copyOf, kept, flips, dice }: DisasterPlan): Promise<Disaster> {
  const holdings = await holdingsOf(nodes, copyOf, kept)
  const { roles, doomed } = drawRoles(
    nodes.map(({ name }) => name),
    kept,
    holdings,
    dice
  )
  const folderOf = (name: string): string => nodes.find((node) => node.name === name)?.dataDir ?? ''
  await wipe(folderOf(roles.wiped), KEPT_BY_THE_WIPED)
  await rm(folderOf(roles.replaced), { recursive: true })
  await restoreCopy(copyOf(roles.restored), folderOf(roles.restored))
  const flipped = folderOf(roles.flipped)
  const there = holdings.now.get(roles.flipped) ?? new Set()
  // A blob that has its last copy there would be lost whatever anybody does.
  const spare = kept.filter(({ sha256 }) => there.has(sha256) && isSpare(sha256, roles, holdings))
  const victims = dice.some(spare, flips.blobs)
  const done: Flip[] = [...(await flipDatabase(flipped, flips.database, dice))]
  for (const { sha256 } of victims) done.push(await flipByte(flipped, blobFile(flipped, sha256), dice))
  return { roles, doomed, flips: done, flippedBlobs: new Set(victims.map(({ sha256 }) => sha256)) }
}

async function holdingsOf(
  nodes: readonly NodeProcess[],
  copyOf: (name: string) => string,
  kept: readonly KeptBlob[]
): Promise<Holdings> {
  const [now, old] = [new Map<string, ReadonlySet<Sha256>>(), new Map<string, ReadonlySet<Sha256>>()]
  for (const { name, dataDir } of nodes) {
    now.set(name, await goodBlobs(dataDir, kept))
    old.set(name, await goodBlobs(copyOf(name), kept))
  }
  return { now, old }
}
