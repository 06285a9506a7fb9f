import type { ViewState } from '../core/coordination.ts'
import type { Fence } from '../core/fence.ts'
import type { NodeId } from '../core/ids.ts'
import type { Campaign } from './lease-campaign.ts'
import { checkClaim, checkViews, leapOf, refused, type KnownCounters } from './lease-checks.ts'
import { highestEpoch } from './lease-hints.ts'
import type { LeaseClaim, LeaseRefusal, LeaseWorld } from './lease-types.ts'
import type { Witness } from './lease-witness.ts'

/** What a node knows of a lease, and what it may be told. */
export class Knowledge {
  readonly #world: LeaseWorld
  readonly #witness: Witness
  readonly #campaign: Campaign

  constructor(world: LeaseWorld, witness: Witness, campaign: Campaign) {
    this.#world = world
    this.#witness = witness
    this.#campaign = campaign
  }

  counters(): KnownCounters {
    const heard = this.#witness.heard()
    const highest = this.#witness.highest()
    return {
      term: Math.max(highest.term, heard?.term ?? 0, this.#campaign.termFloor()),
      epoch: Math.max(highest.epoch, heard?.epoch ?? 0, this.lastEpoch())
    }
  }

  /** Of the views that this node knows or was told of. */
  lastEpoch(): number {
    return Math.max(this.#campaign.epochFloor(), highestEpoch([this.#witness.state()]))
  }

  /** A fence that its sender claims as its own, with the view it is of. */
  judgeClaim(from: NodeId, claim: LeaseClaim): LeaseRefusal | undefined {
    return checkClaim(from, claim, this.counters(), this.#world)
  }

  judgeViews(views: ViewState): LeaseRefusal | undefined {
    return checkViews(views, this.counters(), this.#world)
  }

  judgeLeap(fence: Fence): ReturnType<typeof leapOf> {
    return leapOf(fence, this.counters())
  }

  /** What others say of higher fences and views: checked, and remembered only for the own next bid. */
  hear(told: ViewState & { readonly highest: Fence }): LeaseRefusal | undefined {
    const leap = this.judgeLeap(told.highest)
    if (leap !== undefined) return refused(leap)
    const wrong = this.judgeViews(told)
    if (wrong === undefined) this.#campaign.raise(told.highest)
    return wrong
  }
}
