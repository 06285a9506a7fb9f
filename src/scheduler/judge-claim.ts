import type { ClaimMessage, ClaimNote } from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { MAX_COUNTER_LEAP } from '../core/limits.ts'
import { blamed, refused, type Refusal } from './refusal.ts'

export interface ClaimCourt {
  readonly self: NodeId
  isMember(node: NodeId): boolean
  isOurs(job: JobId): boolean
  /** The highest fence of a coordinator heard of. */
  highestHeard(): Fence | undefined
}

/** What is wrong with a message about claims before anybody looks at the claims known here. */
export function judgeClaim(court: ClaimCourt, from: NodeId, message: ClaimMessage): Refusal | undefined {
  if (message.kind === 'request') return undefined
  const claims = message.kind === 'claimed' ? message.claims : [message.claim]
  for (const claim of claims) {
    const refusal = judgeNote(court, claim) ?? judgeSpeaker(court, from, { claim, kind: message.kind })
    if (refusal !== undefined) return refusal
  }
  return undefined
}

function judgeNote(court: ClaimCourt, { job, builder, fence }: ClaimNote): Refusal | undefined {
  if (!court.isOurs(job)) return blamed('foreign-job')
  // The records that admit it may not be here yet.
  if (!court.isMember(builder)) return refused('stranger')
  const known = court.highestHeard()
  // Without blame: builders and witnesses repeat what a coordinator told them.
  if (known !== undefined && isLeap(fence, known)) return refused('term-leap')
  return undefined
}

/** Who may say it: a builder of its own claims, a holder of those that it granted, a witness to the holder that asked it. */
function judgeSpeaker(
  court: ClaimCourt,
  from: NodeId,
  { claim, kind }: { readonly claim: ClaimNote; readonly kind: Exclude<ClaimMessage['kind'], 'request'> }
): Refusal | undefined {
  const { builder, fence } = claim
  switch (kind) {
    case 'progress':
    case 'give-up':
      return builder === from ? undefined : blamed('not-the-builder')
    case 'claim-noted':
      return fence.holder === court.self ? undefined : blamed('not-the-holder')
    case 'claimed':
      return fence.holder === from ? undefined : blamed('not-the-holder')
    case 'note-claim': {
      if (fence.holder !== from) return blamed('not-the-holder')
      const highest = court.highestHeard()
      return highest !== undefined && compareFences(fence, highest) < 0 ? refused('stale-fence') : undefined
    }
  }
}

function isLeap(fence: Fence, known: Fence): boolean {
  return fence.term - known.term > MAX_COUNTER_LEAP || fence.epoch - known.epoch > MAX_COUNTER_LEAP
}
