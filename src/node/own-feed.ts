import type { NodeId } from '../core/ids.ts'
import { INCARNATION_BYTES } from '../core/limits.ts'
import type { Random } from '../core/ports.ts'
import { OwnFeedGate } from '../ledger/own-feed.ts'
import type { SmallState } from '../storage/small-state.ts'
import type { MeshPorts } from './mesh-ports.ts'

const INCARNATION_KEY = 'incarnation'

/** The own feed of a node whose incarnation lies in its database. A database that is new begins a new feed, and nobody need be asked. */
export async function createOwnFeed(
  state: SmallState,
  { clock, random, log }: MeshPorts,
  others: () => readonly NodeId[]
): Promise<OwnFeedGate> {
  const keep = (incarnation: string): Promise<void> =>
    state.put(INCARNATION_KEY, new TextEncoder().encode(incarnation), { sync: true })
  const known = await state.get(INCARNATION_KEY)
  const incarnation = known === undefined ? freshIncarnation(random) : new TextDecoder().decode(known)
  if (known === undefined) await keep(incarnation)
  return new OwnFeedGate({ clock, random, log, others, keep }, { incarnation, isNew: known === undefined })
}

function freshIncarnation(random: Random): string {
  return Buffer.from(random.bytes(INCARNATION_BYTES)).toString('hex')
}
