import type { ClaimNote } from '../core/coordination.ts'
import { compareFences } from '../core/fence.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { CLAIM_TTL_MS, GRANT_FRESH_MS, MAX_CLAIMS_PER_BUILDER } from '../core/limits.ts'
import { PinBook } from './pin-book.ts'

/** One live claim as this node knows it: granted here, noted as a witness, or heard of. */
export interface Claim {
  readonly note: ClaimNote
  /** Process of the builder, when this node granted it: another one has lost the work. */
  readonly boot: number | undefined
  /** The builder's request, for repeating the answer. */
  readonly nonce: number | undefined
  /** Witnesses that noted it, while it is not told to the builder yet. */
  readonly noted: Set<NodeId> | undefined
  /** When this node came to know it, or confirmed it. */
  readonly sinceMs: number
  readonly untilMs: number
}

/** Who tells of a claim: the coordinator that grants it, or the builder that works on it. */
type Teller = 'holder' | 'builder'

/**
 * The live claims on one target's jobs. Every node keeps them: as holder, as witness, or to show them. Offers live equally long, and
 * so do claims: each map is in the order in which its members run out, so that no tick need look at more than the first.
 */
export class Claims {
  readonly #offers = new Map<JobId, Claim>()
  readonly #live = new Map<JobId, Claim>()
  /** A second builder at work on a claimed job, as after a cut: it has the job when the first one falls silent. */
  readonly #rivals = new Map<JobId, Claim>()
  readonly #ofBuilder = new Map<NodeId, Set<JobId>>()
  readonly pins = new PinBook()

  get(job: JobId): Claim | undefined {
    return this.#live.get(job) ?? this.#offers.get(job)
  }

  /** The claims heard of last come first: they are the ones that others may not know yet. */
  *notes(isWanted: (job: JobId) => boolean = () => true): Iterable<ClaimNote> {
    for (const claims of [this.#offers, this.#live])
      for (const { note } of [...claims.values()].reverse()) if (isWanted(note.job)) yield note
  }

  ofBuilder(builder: NodeId): readonly Claim[] {
    const jobs = [...(this.#ofBuilder.get(builder) ?? [])]
    return jobs.map((job) => this.get(job)).filter((claim) => claim !== undefined)
  }

  size(): number {
    return this.#live.size + this.#offers.size
  }

  isFull(builder: NodeId): boolean {
    return (this.#ofBuilder.get(builder)?.size ?? 0) >= MAX_CLAIMS_PER_BUILDER
  }

  /** A grant that waits for its witnesses; it must reach its builder while the request is fresh. */
  open(note: ClaimNote, request: { readonly boot: number; readonly nonce: number }, nowMs: number): Claim {
    const { boot, nonce } = request
    const claim: Claim = {
      note,
      boot,
      nonce,
      noted: new Set(),
      sinceMs: nowMs,
      untilMs: nowMs + GRANT_FRESH_MS
    }
    this.#put(claim)
    return claim
  }

  /** The builder has been told: from now on its progress keeps the claim. */
  confirm(claim: Claim, nowMs: number): void {
    this.#put({ ...claim, noted: undefined, sinceMs: nowMs, untilMs: nowMs + CLAIM_TTL_MS })
  }

  /**
   * Told of by its holder, its builder or another witness; false when the builder has too many. The higher fence wins; the same one
   * is renewed, and a lower one waits in case the other falls silent.
   */
  note(note: ClaimNote, nowMs: number, teller: Teller = 'holder'): boolean {
    const known = this.get(note.job)
    if (known !== undefined && isRenewal(known, note, teller)) {
      // A claim that is still being opened here is confirmed by its witnesses, not by its own note.
      if (known.noted === undefined) this.#put({ ...known, untilMs: nowMs + CLAIM_TTL_MS })
      return true
    }
    if (this.isFull(note.builder)) return false
    const claim: Claim = {
      note,
      boot: undefined,
      nonce: undefined,
      noted: undefined,
      sinceMs: nowMs,
      untilMs: nowMs + CLAIM_TTL_MS
    }
    if (known === undefined) this.#put(claim)
    else this.#contend(known, claim, teller)
    return true
  }

  /** Forgets a claim; with `note`, only if it is that one. A second builder at work on the job has it from then on. */
  release(job: JobId, nowMs: number, note?: ClaimNote): boolean {
    const known = this.get(job)
    if (known === undefined) return false
    if (note !== undefined && !isThisOrOlder(known.note, note)) {
      if (this.#rivals.get(job)?.note.builder === note.builder) this.#rivals.delete(job)
      return false
    }
    this.#remove(known)
    const rival = this.#rivals.get(job)
    this.#rivals.delete(job)
    if (rival !== undefined && rival.untilMs > nowMs) this.#put({ ...rival, untilMs: nowMs + CLAIM_TTL_MS })
    return true
  }

  /** A result is there: nobody works on the job any more, or for nothing. */
  finish(job: JobId): void {
    const known = this.get(job)
    if (known !== undefined) this.#remove(known)
    this.#rivals.delete(job)
    this.pins.forget(job)
  }

  /** Takes out the claims whose time is over. */
  expire(nowMs: number): readonly Claim[] {
    const over: Claim[] = []
    for (const claims of [this.#offers, this.#live]) {
      for (const claim of claims.values()) {
        if (claim.untilMs > nowMs) break
        this.release(claim.note.job, nowMs)
        // Somebody else is at work on it: nothing is open, and nobody need be blamed.
        if (this.get(claim.note.job) === undefined) over.push(claim)
      }
    }
    return over
  }

  /** Two claims on one job. Nobody was told of an untold offer: whoever works goes before it. */
  #contend(known: Claim, other: Claim, teller: Teller): void {
    const { job } = other.note
    const order = compareFences(other.note.fence, known.note.fence)
    if (known.noted !== undefined) this.#put(other)
    else if (order > 0 || (order === 0 && teller === 'holder')) {
      this.#put(other)
      this.#rivals.set(job, known)
    } else this.#rivals.set(job, other)
    if (this.#rivals.get(job)?.note.builder === this.get(job)?.note.builder) this.#rivals.delete(job)
  }

  #put(claim: Claim): void {
    const { job, builder } = claim.note
    const known = this.get(job)
    if (known !== undefined) this.#remove(known)
    const claims = claim.noted === undefined ? this.#live : this.#offers
    claims.set(job, claim)
    const jobs = this.#ofBuilder.get(builder) ?? new Set()
    this.#ofBuilder.set(builder, jobs.add(job))
  }

  #remove({ note: { job, builder } }: Claim): void {
    this.#live.delete(job)
    this.#offers.delete(job)
    const jobs = this.#ofBuilder.get(builder)
    jobs?.delete(job)
    if (jobs?.size === 0) this.#ofBuilder.delete(builder)
  }
}

function isThisOrOlder(known: ClaimNote, note: ClaimNote): boolean {
  return known.builder === note.builder && compareFences(known.fence, note.fence) <= 0
}

/** The same claim told again. A builder that works renews its newest claim, also by the fence of an earlier grant of the job. */
function isRenewal({ note }: Claim, told: ClaimNote, teller: Teller): boolean {
  if (note.builder !== told.builder) return false
  const order = compareFences(told.fence, note.fence)
  return order === 0 || (order < 0 && teller === 'builder')
}
