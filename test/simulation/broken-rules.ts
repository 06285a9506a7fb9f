import { Campaign, type CampaignInput, type CampaignStep } from '../../src/scheduler/lease-campaign.ts'
import { Tenure } from '../../src/scheduler/lease-tenure.ts'
import { Witness } from '../../src/scheduler/lease-witness.ts'
import { SOUND_RULES, type ProtocolRules } from '../../src/scheduler/protocol-rules.ts'

/*
 * Rules that are wrong on purpose: a simulator that does not notice them proves nothing. Each one is a mistake that somebody could
 * make while tidying up.
 */

/** Without rules W1 and W5: it promises itself to whoever asks, and after a restart it knows of nothing. */
class ForgetfulWitness extends Witness {
  protected override isPromisedToAnother(): boolean {
    return false
  }
}

/** Without rules C2 and C4: it bids at once, and takes its own deafness for the mesh's silence. */
class HastyCampaign extends Campaign {
  protected override begin({ state }: CampaignInput, wholeView: boolean): CampaignStep {
    const target = wholeView ? this.newView(state, [], [this.world.self]) : this.target(state)
    return { kind: 'prepare', ...target }
  }
}

/** Against rule H1: authority counts from the answer, so that it outlives the promise by the way there and back. */
class LateTenure extends Tenure {
  protected override countedFrom(_sentMs: number, answeredMs: number): number {
    return answeredMs
  }
}

/** Each breaks one rule and keeps all others. */
export const BROKEN_RULES = {
  forgetfulWitnesses: {
    ...SOUND_RULES,
    makeWitness: (start) => new ForgetfulWitness({ ...start, memory: undefined })
  },
  noPreVote: { ...SOUND_RULES, makeCampaign: (world) => new HastyCampaign(world) },
  authorityFromAcknowledgement: { ...SOUND_RULES, makeTenure: (start) => new LateTenure(start) },
  /** Against rule G3: a builder takes any grant, however late a coordinator it comes from. */
  fencesIgnored: { ...SOUND_RULES, isOutdated: () => false }
} satisfies Readonly<Record<string, ProtocolRules>>
