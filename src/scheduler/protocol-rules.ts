import { compareFences, type Fence } from '../core/fence.ts'
import { Campaign, type CampaignWorld } from './lease-campaign.ts'
import { Tenure, type TenureStart } from './lease-tenure.ts'
import type { LeaseStart } from './lease-types.ts'
import { Witness } from './lease-witness.ts'

/**
 * The rules on which it rests that no job is built twice. They can be exchanged only so that the simulator can show that it notices
 * when one of them is broken.
 */
export interface ProtocolRules {
  makeWitness(start: LeaseStart): Witness
  makeCampaign(world: CampaignWorld): Campaign
  makeTenure(start: TenureStart): Tenure
  /** A grant by this fence is void: a later coordinator was heard of. */
  isOutdated(grantFence: Fence, highestHeard: Fence | undefined): boolean
}

export const SOUND_RULES: ProtocolRules = {
  makeWitness: (start) => new Witness(start),
  makeCampaign: (world) => new Campaign(world),
  makeTenure: (start) => new Tenure(start),
  isOutdated: (grantFence, highestHeard) =>
    highestHeard !== undefined && compareFences(grantFence, highestHeard) < 0
}
