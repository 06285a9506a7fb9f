import {
  majorityOf,
  type Capacity,
  type ClaimNote,
  type CoordinationMessage,
  type ShardId,
  type View
} from '../core/coordination.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { JobId, NodeId } from '../core/ids.ts'
import { GRANT_FRESH_MS, GRANT_WINDOW_JOBS } from '../core/limits.ts'
import type { Claim, Claims } from './claims.ts'
import { GrantWindow, type Ranked } from './grant-window.ts'
import type { Message } from './lease-types.ts'
import { refused, type Refusal } from './refusal.ts'
import { RequestLog } from './request-log.ts'
import type { Troubles } from './troubles.ts'

/**
 * A claim that its builder does not list is taken back when it is older than this: by then no request is on its way any more that was
 * sent before the grant came.
 */
const LOST_GRANT_MS = 3 * GRANT_FRESH_MS
/** Gossip of new claims is gathered this long, and in a large mesh longer: every shard has a coordinator that tells everybody. */
const CLAIMED_GOSSIP_MS = 500
const CLAIMED_GOSSIP_NODE_MS = 10
/** Claims in one message of gossip: some 30 KiB. */
const CLAIMED_GOSSIP_CLAIMS = 100

export interface Authority {
  readonly fence: Fence
  readonly view: View
}

export interface GrantWorld {
  readonly shard: ShardId
  readonly self: NodeId
  readonly claims: Claims
  readonly troubles: Troubles
  /** Undefined without authority at this very moment. */
  authority(nowMs: number): Authority | undefined
  holder(nowMs: number): NodeId | undefined
  /** Whether the job belongs to this shard: claims are kept for the whole target. */
  isOurs(job: JobId): boolean
  /** Jobs that may be built now, most urgent first. */
  openJobs(): Iterable<JobId>
  /** Whether the job is still to be built, as far as the ledger tells. */
  isUnfinished(job: JobId): boolean
  /** Whether the builder's machine can build the job. */
  fits(job: JobId, capacity: Capacity, builder: NodeId): boolean
  /** The node on which a job failed last for a reason that may pass: another one is to try first. */
  failedOn(job: JobId): NodeId | undefined
  /** The builder's result that began then is in the ledger. */
  hasResult(claim: ClaimNote, startedMs: number): boolean
  /** A node has entries that are not here yet. */
  lacks(node: NodeId): void
  /** Nodes present. */
  nodes(): number
  /** Whether anybody else could build this shard's jobs. */
  hasOtherBuilder(builder: NodeId): boolean
  send(to: NodeId, message: CoordinationMessage): void
  gossip(message: CoordinationMessage): void
}

interface Asked {
  readonly builder: NodeId
  readonly capacity: Capacity
  readonly fence: Fence
  readonly nowMs: number
}

/** The coordinator's desk for one shard: requests in, grants out, silent builders struck off. */
export class Granting {
  readonly #world: GrantWorld
  readonly #requests = new RequestLog()
  readonly #window: GrantWindow
  #fresh: ClaimNote[] = []
  #gossipAtMs = 0

  constructor(world: GrantWorld) {
    this.#world = world
    this.#window = new GrantWindow(
      () => world.openJobs(),
      (job) => world.claims.get(job) !== undefined
    )
  }

  onRequest(from: NodeId, request: Message<'request'>, nowMs: number): Refusal | undefined {
    const { claims, self } = this.#world
    const authority = this.#world.authority(nowMs)
    if (authority === undefined) {
      this.#withoutAuthority(from, request, nowMs)
      return undefined
    }
    this.#forgetLostWork(from, request, nowMs)
    const repeated = claims
      .ofBuilder(from)
      .find(({ nonce, note }) => nonce === request.nonce && this.#world.isOurs(note.job))
    if (repeated !== undefined) {
      this.#repeat(repeated, authority)
      return undefined
    }
    const isNew = this.#requests.isNew(from, request.nonce)
    if (!isNew || claims.isFull(from)) {
      this.#refuse(from, request.nonce, self)
      return refused(isNew ? 'too-many-claims' : 'replayed-request')
    }
    const job = this.#choose({ builder: from, capacity: request.capacity, fence: authority.fence, nowMs })
    if (job === undefined) this.#refuse(from, request.nonce, self)
    else this.#offer(job, { from, request, authority, nowMs })
    return undefined
  }

  onNoted(from: NodeId, message: Message<'claim-noted'>, nowMs: number): Refusal | undefined {
    const claim = this.#world.claims.get(message.claim.job)
    const { builder, fence } = message.claim
    // A late answer about an earlier offer of the same job says nothing about this one.
    if (claim === undefined || claim.note.builder !== builder) return refused('unknown-claim')
    if (compareFences(claim.note.fence, fence) !== 0) return refused('stale-fence')
    return this.#noted(from, claim, nowMs)
  }

  /** A builder works: the claim lives on, or is taken over from a coordinator that told nobody here. */
  onProgress(from: NodeId, { claim, ended, pins }: Message<'progress'>, nowMs: number): Refusal | undefined {
    const { claims, shard, self } = this.#world
    const known = ended !== undefined && this.#world.hasResult(claim, ended)
    if (!known && !claims.note(claim, nowMs, 'builder')) return refused('too-many-claims')
    if (!known && ended !== undefined) this.#world.lacks(from)
    if (!known && pins !== undefined) claims.pins.keep(claim.job, pins)
    // Whatever becomes of the claim, its builder goes on: a finished build is never thrown away.
    if (this.#world.holder(nowMs) === self)
      this.#world.send(from, { kind: 'progress-noted', shard, claim, ...(known && { known }) })
    return undefined
  }

  /** A builder without a result it could sign. */
  onGiveUp(from: NodeId, { claim }: Message<'give-up'>, nowMs: number): Refusal | undefined {
    const { claims, troubles } = this.#world
    if (!claims.release(claim.job, nowMs, claim)) return refused('unknown-claim')
    troubles.gaveUp(claim.job, from, nowMs)
    return undefined
  }

  /** A claim ran out. */
  onExpired({ note, noted }: Claim, nowMs: number): void {
    const { troubles } = this.#world
    const told = note.crashes ?? 0
    // An offer whose witnesses never answered was never told to its builder: nobody worked, nobody crashed.
    // And only the coordinator hears progress for certain.
    if (noted === undefined && this.#world.authority(nowMs) !== undefined)
      troubles.crashed(note.job, note.builder, { nowMs, told })
    else if (told > 0) troubles.told(note.job, note.builder, told)
  }

  tick(nowMs: number): void {
    if (this.#requests.hasParked() && this.#world.authority(nowMs) !== undefined)
      for (const { from, request } of this.#requests.unpark(nowMs)) this.onRequest(from, request, nowMs)
    if (this.#fresh.length === 0 || nowMs < this.#gossipAtMs) return
    this.#gossipAtMs = nowMs + Math.max(CLAIMED_GOSSIP_MS, CLAIMED_GOSSIP_NODE_MS * this.#world.nodes())
    while (this.#fresh.length > 0) {
      const claims = this.#fresh.splice(0, CLAIMED_GOSSIP_CLAIMS)
      this.#world.gossip({ kind: 'claimed', shard: this.#world.shard, claims })
    }
  }

  /** In office but not granting yet, it answers as soon as it may; otherwise it names whom to ask. */
  #withoutAuthority(from: NodeId, request: Message<'request'>, nowMs: number): void {
    const holder = this.#world.holder(nowMs)
    if (holder === this.#world.self) this.#requests.park(from, request, nowMs)
    else this.#refuse(from, request.nonce, holder ?? '')
  }

  /** The most urgent few hundred in an order of this holder's own: two halves of a cut mesh mostly take different ones. */
  #choose(asked: Asked): JobId | undefined {
    const { fence, nowMs } = asked
    for (;;) {
      const job = this.#pick(this.#window.jobs(fence, nowMs), asked)
      if (job === undefined) {
        if (!this.#window.reread(fence, nowMs)) return undefined
      } else if (this.#world.isUnfinished(job)) return job
      else this.#window.drop(job)
    }
  }

  #pick(window: readonly Ranked[], { builder, capacity, nowMs }: Asked): JobId | undefined {
    const { claims, troubles } = this.#world
    const hasOther = (): boolean => this.#world.hasOtherBuilder(builder)
    let best: Ranked | undefined
    let lastResort: JobId | undefined
    let seen = 0
    for (const ranked of window) {
      const { job, rank } = ranked
      if (claims.get(job) !== undefined || !troubles.isReady(job, builder, nowMs, hasOther)) continue
      if (best === undefined || rank < best.rank) {
        const fit = this.#fit(job, { builder, capacity })
        if (fit === 'last-resort') lastResort ??= job
        if (fit !== 'good') continue
        best = ranked
      }
      if (++seen >= GRANT_WINDOW_JOBS) break
    }
    return best?.job ?? lastResort
  }

  #fit(
    job: JobId,
    { builder, capacity }: Pick<Asked, 'builder' | 'capacity'>
  ): 'good' | 'last-resort' | 'none' {
    if (!this.#world.fits(job, capacity, builder)) return 'none'
    const failedHere = this.#world.failedOn(job) === builder && this.#world.hasOtherBuilder(builder)
    return failedHere ? 'last-resort' : 'good'
  }

  #offer(
    job: JobId,
    asked: {
      readonly from: NodeId
      readonly request: Message<'request'>
      readonly authority: Authority
      readonly nowMs: number
    }
  ): void {
    const { claims, troubles, shard, self } = this.#world
    const { from, request, authority, nowMs } = asked
    const crashes = troubles.crashesOf(job)
    const note: ClaimNote = {
      job,
      builder: from,
      fence: authority.fence,
      ...(crashes === 0 ? {} : { crashes })
    }
    const claim = claims.open(note, request, nowMs)
    for (const witness of authority.view.witnesses) {
      if (witness === self) this.#noted(self, claim, nowMs)
      else this.#world.send(witness, { kind: 'note-claim', shard, claim: note })
    }
  }

  /** The builder has no answer yet: the grant got lost, or what the witnesses were asked. */
  #repeat(claim: Claim, { view }: Authority): void {
    const { shard, self } = this.#world
    if (claim.noted === undefined) this.#tell(claim)
    else
      for (const witness of view.witnesses)
        if (witness !== self && !claim.noted.has(witness))
          this.#world.send(witness, { kind: 'note-claim', shard, claim: claim.note })
  }

  #noted(witness: NodeId, claim: Claim, nowMs: number): Refusal | undefined {
    if (claim.noted === undefined) return undefined
    const authority = this.#world.authority(nowMs)
    if (authority?.view.witnesses.includes(witness) === false) return refused('not-a-witness')
    claim.noted.add(witness)
    if (authority === undefined) return undefined
    const noted = authority.view.witnesses.filter((node) => claim.noted?.has(node) === true)
    if (noted.length < majorityOf(authority.view)) return undefined
    this.#world.claims.confirm(claim, nowMs)
    this.#fresh.push(claim.note)
    this.#tell(claim)
    return undefined
  }

  #tell({ note, nonce }: Claim): void {
    const pins = this.#world.claims.pins.get(note.job)
    this.#world.send(note.builder, {
      kind: 'grant',
      shard: this.#world.shard,
      nonce: nonce ?? 0,
      claim: note,
      ...(pins !== undefined && { pins })
    })
  }

  #refuse(to: NodeId, nonce: number, holder: NodeId | ''): void {
    this.#world.send(to, { kind: 'no-grant', shard: this.#world.shard, nonce, holder })
  }

  /** What a builder lists is what it works on: a former process's work is lost, and so is a grant that never reached it. */
  #forgetLostWork(builder: NodeId, { boot, running }: Message<'request'>, nowMs: number): void {
    const { claims, troubles } = this.#world
    for (const claim of claims.ofBuilder(builder)) {
      const { job, crashes: told = 0 } = claim.note
      if (!this.#world.isOurs(job)) continue
      if (claim.boot !== undefined && claim.boot !== boot) {
        claims.release(job, nowMs)
        troubles.crashed(job, builder, { nowMs, told })
      } else if (
        claim.noted === undefined &&
        nowMs - claim.sinceMs > LOST_GRANT_MS &&
        !running.includes(job)
      ) {
        claims.release(job, nowMs)
        troubles.setBack(job, builder, nowMs)
      }
    }
  }
}
