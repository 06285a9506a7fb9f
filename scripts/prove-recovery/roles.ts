import type { Sha256 } from '../../src/core/ids.ts'
import type { Dice } from '../../src/simulation/seeded-random.ts'
import type { KeptBlob } from './blobs-on-disk.ts'

/** What becomes of each node, by label. */
export interface Roles {
  /** Its data folder is emptied, but for key and membership. */
  readonly wiped: string
  /** Nothing of it is left: it comes back as a new node, with a ticket. */
  readonly replaced: string
  /** Gets an old copy of its data folder. */
  readonly restored: string
  /** Bytes of its database and blobs are flipped. */
  readonly flipped: string
  readonly unharmed: string
}

export interface Holdings {
  /** Good blobs of each node now, and in the old copy of its data folder. */
  readonly now: ReadonlyMap<string, ReadonlySet<Sha256>>
  readonly old: ReadonlyMap<string, ReadonlySet<Sha256>>
}

/**
 * Draws who suffers what. Three copies survive the loss of two, and three nodes lose what came after the old copy: so of all
 * ways to deal the five roles one is drawn that leaves every blob a copy, as long as there is one, else the one that costs
 * least. What it costs is said in the report.
 */
export function drawRoles(
  nodes: readonly string[],
  kept: readonly KeptBlob[],
  holdings: Holdings,
  dice: Dice
): { readonly roles: Roles; readonly doomed: readonly KeptBlob[] } {
  const deals = dice.some(permutations(nodes), Infinity).map((order) => {
    const roles = rolesOf(order)
    return { roles, doomed: kept.filter(({ sha256 }) => !survives(sha256, roles, holdings)) }
  })
  const [first, ...others] = deals
  if (first === undefined) throw new TypeError('five nodes are needed')
  return others.reduce((best, deal) => (deal.doomed.length < best.doomed.length ? deal : best), first)
}

/** Somebody has good bytes of it after the disaster, whatever is flipped. */
function survives(sha256: Sha256, { unharmed, restored, flipped }: Roles, { now, old }: Holdings): boolean {
  return [now.get(unharmed), old.get(restored), now.get(flipped)].some((blobs) => blobs?.has(sha256) === true)
}

/** Copies that are left when those of the flipped node are gone, too. */
export function isSpare(sha256: Sha256, { unharmed, restored }: Roles, { now, old }: Holdings): boolean {
  return [now.get(unharmed), old.get(restored)].some((blobs) => blobs?.has(sha256) === true)
}

function rolesOf(order: readonly string[]): Roles {
  const [wiped = '', replaced = '', restored = '', flipped = '', unharmed = ''] = order
  return { wiped, replaced, restored, flipped, unharmed }
}

function permutations(items: readonly string[]): readonly (readonly string[])[] {
  if (items.length < 2) return [items]
  return items.flatMap((first, at) =>
    permutations(items.filter((_, other) => other !== at)).map((rest) => [first, ...rest])
  )
}

export function tellRoles({ wiped, replaced, restored, flipped, unharmed }: Roles): string {
  return [
    `${wiped} is wiped but for its key`,
    `${replaced} is gone and joins anew`,
    `${restored} gets an old copy`,
    `${flipped} has bytes flipped`,
    `${unharmed} is unharmed`
  ].join(', ')
}
