import {
  majorityOf,
  type ClaimNote,
  type CoordinationMessage,
  type ShardId,
  type View
} from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { hash32 } from '../core/digest.ts'
import { GRANT_FRESH_MS, GRANT_WINDOW_JOBS } from '../core/limits.ts'
import { backOffMs } from '../core/retry.ts'
import type { Claim, Claims } from './claims.ts'
import type { Message } from './lease-types.ts'

/** Gossip of new claims is gathered this long. */
const CLAIMED_GOSSIP_MS = 500
/** A builder that fell silent over a job is not given it again for this long, if anybody else would take it. */
const OTHER_FIRST_MS = 60_000
/** A builder that gave a job back is not offered it again for this long: it lacks something, a page perhaps. */
const GIVEN_UP_MS = 10_000
/** A builder that no longer lists a job may have signed its result, which gossip has not brought yet. */
const RESULT_ON_ITS_WAY_MS = 15_000

export interface GrantWorld {
  readonly shard: ShardId
  readonly self: NodeId
  readonly claims: Claims
  /** Undefined without authority at this very moment. */
  authority(nowMs: number): { readonly fence: Fence; readonly view: View } | undefined
  holder(nowMs: number): NodeId | undefined
  /** Jobs that may be built now, most urgent first. */
  openJobs(): Iterable<JobId>
  /** Whether anybody else could build this shard's jobs. */
  hasOtherBuilder(builder: NodeId): boolean
  send(to: NodeId, message: CoordinationMessage): void
  gossip(message: CoordinationMessage): void
}

interface Trouble {
  readonly crashes: number
  readonly builder: NodeId
  readonly notBeforeMs: number
  readonly otherFirstUntilMs: number
  /** It said itself that it cannot take the job now. */
  readonly gaveUp: boolean
}

/** The coordinator's desk for one shard: requests in, grants out, silent builders struck off. */
export class Granting {
  readonly #world: GrantWorld
  readonly #troubles = new Map<JobId, Trouble>()
  #fresh: ClaimNote[] = []
  #gossipAtMs = 0

  constructor(world: GrantWorld) {
    this.#world = world
  }

  onRequest(from: NodeId, request: Message<'request'>, nowMs: number): void {
    const { claims, shard, self } = this.#world
    const authority = this.#world.authority(nowMs)
    if (authority === undefined) {
      const holder = this.#world.holder(nowMs)
      this.#refuse(from, request.nonce, holder === undefined || holder === self ? '' : holder)
      return
    }
    this.#forgetLostWork(from, request, nowMs)
    const repeated = [...claims.ofBuilder(from)].find(({ nonce }) => nonce === request.nonce)
    if (repeated !== undefined) {
      if (repeated.noted === undefined) this.#tell(repeated)
      return
    }
    const job = this.#choose(from, authority.fence, nowMs)
    if (job === undefined) {
      this.#refuse(from, request.nonce, self)
      return
    }
    const note: ClaimNote = { job, builder: from, fence: authority.fence }
    const claim = claims.open(note, { boot: request.boot, nonce: request.nonce }, nowMs)
    for (const witness of authority.view.witnesses) {
      if (witness === self) this.#noted(self, claim, nowMs)
      else this.#world.send(witness, { kind: 'note-claim', shard, claim: note })
    }
  }

  onNoted(from: NodeId, message: Message<'claim-noted'>, nowMs: number): void {
    const claim = this.#world.claims.get(message.claim.job)
    const { builder, fence } = message.claim
    // A late answer about an earlier offer of the same job says nothing about this one.
    if (claim === undefined || claim.note.builder !== builder) return
    if (compareFences(claim.note.fence, fence) === 0) this.#noted(from, claim, nowMs)
  }

  /** A builder without a result it could sign. */
  onGiveUp(from: NodeId, { claim }: Message<'give-up'>, nowMs: number): void {
    if (claim.builder !== from) return
    this.#world.claims.release(claim.job, claim)
    this.#troubles.set(claim.job, {
      crashes: this.crashesOf(claim.job),
      builder: from,
      notBeforeMs: nowMs,
      otherFirstUntilMs: nowMs + GIVEN_UP_MS,
      gaveUp: true
    })
  }

  /** A result is in the ledger. */
  onFinished(job: JobId): void {
    this.#world.claims.release(job)
    this.#troubles.delete(job)
  }

  tick(nowMs: number): void {
    for (const claim of this.#world.claims.expire(nowMs)) {
      // An offer whose witnesses never answered was never told to its builder: nobody worked, nobody crashed.
      // And only the coordinator hears progress for certain.
      if (claim.noted === undefined && this.#world.authority(nowMs) !== undefined) this.#crashed(claim, nowMs)
    }
    if (this.#fresh.length > 0 && nowMs >= this.#gossipAtMs) {
      this.#gossipAtMs = nowMs + CLAIMED_GOSSIP_MS
      this.#world.gossip({ kind: 'claimed', shard: this.#world.shard, claims: this.#fresh.splice(0, 100) })
    }
  }

  /** How often a builder fell silent over a job while this node coordinated. */
  crashesOf(job: JobId): number {
    return this.#troubles.get(job)?.crashes ?? 0
  }

  /** The most urgent few hundred in an order of this holder's own: two halves of a cut mesh mostly take different ones. */
  #choose(builder: NodeId, fence: Fence, nowMs: number): JobId | undefined {
    let best: { readonly job: JobId; readonly rank: number } | undefined
    let seen = 0
    for (const job of this.#world.openJobs()) {
      if (this.#world.claims.get(job) !== undefined || !this.#isReady(job, builder, nowMs)) continue
      const rank = hash32(`${fence.epoch} ${fence.view} ${job}`)
      if (best === undefined || rank < best.rank) best = { job, rank }
      if (++seen >= GRANT_WINDOW_JOBS) break
    }
    return best?.job
  }

  #isReady(job: JobId, builder: NodeId, nowMs: number): boolean {
    const trouble = this.#troubles.get(job)
    if (trouble === undefined) return true
    if (nowMs < trouble.notBeforeMs) return false
    if (trouble.builder !== builder || nowMs >= trouble.otherFirstUntilMs) return true
    return !trouble.gaveUp && !this.#world.hasOtherBuilder(builder)
  }

  #noted(witness: NodeId, claim: Claim, nowMs: number): void {
    if (claim.noted === undefined) return
    claim.noted.add(witness)
    const authority = this.#world.authority(nowMs)
    if (authority === undefined) return
    const noted = authority.view.witnesses.filter((node) => claim.noted?.has(node) === true)
    if (noted.length < majorityOf(authority.view)) return
    this.#world.claims.confirm(claim, nowMs)
    this.#fresh.push(claim.note)
    this.#tell(claim)
  }

  #tell({ note, nonce }: Claim): void {
    this.#world.send(note.builder, {
      kind: 'grant',
      shard: this.#world.shard,
      nonce: nonce ?? 0,
      claim: note
    })
  }

  #refuse(to: NodeId, nonce: number, holder: NodeId | ''): void {
    this.#world.send(to, { kind: 'no-grant', shard: this.#world.shard, nonce, holder })
  }

  /** What a builder lists is what it works on: a former process's work is lost, and so is a grant that never reached it. */
  #forgetLostWork(builder: NodeId, { boot, running }: Message<'request'>, nowMs: number): void {
    for (const claim of [...this.#world.claims.ofBuilder(builder)]) {
      const { job } = claim.note
      if (claim.boot !== undefined && claim.boot !== boot) {
        this.#world.claims.release(job)
        this.#crashed(claim, nowMs)
      } else if (
        claim.noted === undefined &&
        nowMs - claim.sinceMs > GRANT_FRESH_MS &&
        !running.includes(job)
      ) {
        this.#world.claims.release(job)
        // Not at once: its result may be on the way here.
        this.#setBack(claim, nowMs)
      }
    }
  }

  #setBack({ note }: Claim, nowMs: number): void {
    const notBeforeMs = nowMs + RESULT_ON_ITS_WAY_MS
    const { job, builder } = note
    const crashes = this.crashesOf(job)
    this.#troubles.set(job, { crashes, builder, notBeforeMs, otherFirstUntilMs: notBeforeMs, gaveUp: false })
  }

  #crashed({ note }: Claim, nowMs: number): void {
    const crashes = this.crashesOf(note.job) + 1
    // The first time is most likely the node's own trouble: again at once, elsewhere first.
    const notBeforeMs = nowMs + backOffMs(crashes - 1)
    this.#troubles.set(note.job, {
      crashes,
      builder: note.builder,
      notBeforeMs,
      otherFirstUntilMs: notBeforeMs + OTHER_FIRST_MS,
      gaveUp: false
    })
  }
}
