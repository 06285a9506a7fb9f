import type { ClaimNote, View } from '../core/coordination.ts'
import type { NodeId } from '../core/ids.ts'
import { rendezvousOrder } from '../core/rendezvous.ts'
import type { Bid } from './lease-campaign.ts'
import type { LeaseWorld } from './lease-types.ts'

/** The next in office asks again this soon, since a message may be lost, and as often as this time allows. */
const HAND_OVER_RETRY_MS = 400
const HAND_OVER_MS = 1_000

/** What the holder before gave to the one that it named. */
export interface Succession {
  readonly claims: readonly ClaimNote[]
  /** These are all claims. */
  readonly complete: boolean
  readonly sinceMs: number
}

/** Whom a holder names: the first, in rendezvous order, of the witnesses that answer it; or of the others. */
export function chooseSuccessor(
  world: LeaseWorld,
  view: View,
  isHealthy: (witness: NodeId) => boolean
): NodeId | '' {
  const { shard, self } = world
  const here = world.present().filter((node) => node !== self)
  const witnesses = here.filter((node) => view.witnesses.includes(node) && isHealthy(node))
  return rendezvousOrder(shard, witnesses.length > 0 ? witnesses : here)[0] ?? ''
}

export function isSucceeding(bid: Bid | undefined): bid is Bid {
  return bid?.purpose === 'succession'
}

/** Its last bid had no answer for too long. */
export function isDue(succession: Succession | undefined, bid: Bid, nowMs: number): boolean {
  if (succession === undefined || nowMs - succession.sinceMs > HAND_OVER_MS) return false
  return nowMs - bid.sentMs >= HAND_OVER_RETRY_MS
}
