import type { ClaimNote } from '../core/coordination.ts'
import { MAX_COORD_BYTES } from '../core/limits.ts'

/** Claims that one message hands to the next holder. */
const MAX_CLAIMS_IN_PROMISE = 200
/** A claim as CBOR without its job: two node ids, a view's hash, numbers and names of fields. */
const CLAIM_BYTES = 240
/** The rest of the message. */
const REST_BYTES = 2_048

/** As many claims as one message holds, and whether these are all. */
export function carriedClaims(claims: Iterable<ClaimNote>): {
  readonly claims: readonly ClaimNote[]
  readonly complete: boolean
} {
  const carried: ClaimNote[] = []
  let bytes = REST_BYTES
  for (const claim of claims) {
    bytes += CLAIM_BYTES + claim.job.length
    if (carried.length >= MAX_CLAIMS_IN_PROMISE || bytes > MAX_COORD_BYTES) {
      return { claims: carried, complete: false }
    }
    carried.push(claim)
  }
  return { claims: carried, complete: true }
}
