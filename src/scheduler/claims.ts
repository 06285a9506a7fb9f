import type { ClaimNote } from '../core/coordination.ts'
import { compareFences } from '../core/fence.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { CLAIM_TTL_MS, GRANT_FRESH_MS } from '../core/limits.ts'

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

/** The live claims of one shard. Every node keeps them: as holder, as witness, or to show them. */
export class Claims {
  readonly #claims = new Map<JobId, Claim>()

  get(job: JobId): Claim | undefined {
    return this.#claims.get(job)
  }

  *notes(): Iterable<ClaimNote> {
    for (const { note } of this.#claims.values()) yield note
  }

  *ofBuilder(builder: NodeId): Iterable<Claim> {
    for (const claim of this.#claims.values()) if (claim.note.builder === builder) yield claim
  }

  size(): number {
    return this.#claims.size
  }

  /** A grant that waits for its witnesses; it must reach its builder while the request is fresh. */
  open(note: ClaimNote, request: { readonly boot: number; readonly nonce: number }, nowMs: number): Claim {
    const claim: Claim = {
      note,
      ...request,
      noted: new Set(),
      sinceMs: nowMs,
      untilMs: nowMs + GRANT_FRESH_MS
    }
    this.#claims.set(note.job, claim)
    return claim
  }

  /** The builder has been told: from now on its progress keeps the claim. */
  confirm(claim: Claim, nowMs: number): void {
    this.#claims.set(claim.note.job, {
      ...claim,
      noted: undefined,
      sinceMs: nowMs,
      untilMs: nowMs + CLAIM_TTL_MS
    })
  }

  /** Told of by its holder, its builder or another witness. The higher fence wins; the same one is renewed. */
  note(note: ClaimNote, nowMs: number): void {
    const known = this.#claims.get(note.job)
    const order = known === undefined ? 1 : compareFences(note.fence, known.note.fence)
    if (order < 0) return
    const same = order === 0 && known?.note.builder === note.builder
    // A claim that is still being opened here is confirmed by its witnesses, not by its own note.
    if (same && known.noted !== undefined) return
    this.#claims.set(note.job, {
      note,
      boot: same ? known.boot : undefined,
      nonce: same ? known.nonce : undefined,
      noted: undefined,
      sinceMs: same ? known.sinceMs : nowMs,
      untilMs: nowMs + CLAIM_TTL_MS
    })
  }

  /** Forgets a claim; with `note`, only if it is that one. */
  release(job: JobId, note?: ClaimNote): void {
    const known = this.#claims.get(job)
    if (known === undefined) return
    if (
      note !== undefined &&
      (known.note.builder !== note.builder || compareFences(known.note.fence, note.fence) > 0)
    )
      return
    this.#claims.delete(job)
  }

  /** Takes out the claims whose time is over. */
  expire(nowMs: number): readonly Claim[] {
    const over = [...this.#claims.values()].filter(({ untilMs }) => untilMs <= nowMs)
    for (const { note } of over) this.#claims.delete(note.job)
    return over
  }
}
