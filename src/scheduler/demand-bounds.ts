import type { NodeId } from '../core/ids.ts'
import { MAX_DEMAND_WANTS_PER_DAY, MAX_DEMAND_WANTS_PER_HOUR } from '../core/limits.ts'
import type { Wishes } from '../ledger/wishes.ts'

const hour = 3_600_000
const day = 24 * hour

/**
 * Whether enough wants were written for clients: by this node in the last hour, or by the whole mesh in the last day. Read from the
 * ledger, so that a restart does not begin anew; wants with dates to come count, too.
 */
export function isOverDemand(
  wishes: Pick<Wishes, 'wants' | 'authorOf'>,
  self: NodeId,
  wallMs: number
): boolean {
  let [own, all] = [0, 0]
  for (const [id, { priority, createdMs }] of wishes.wants()) {
    if (priority !== 'popular' || createdMs <= wallMs - day) continue
    all++
    if (createdMs > wallMs - hour && wishes.authorOf(id) === self) own++
  }
  return own >= MAX_DEMAND_WANTS_PER_HOUR || all >= MAX_DEMAND_WANTS_PER_DAY
}
