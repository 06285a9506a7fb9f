import type { Capacity, ClaimNote, CoordinationMessage, RunningJob, ShardId } from '../core/coordination.ts'
import { messageOf } from '../core/errors.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { JobId, NodeId, TargetId } from '../core/ids.ts'
import { parseJobId } from '../core/job.ts'
import { GRANT_FRESH_MS, PROGRESS_MS } from '../core/limits.ts'
import type { BuildPhase, BuildReport, Clock, Log, Random, WheelBuilder } from '../core/ports.ts'
import type { ResultRecord } from '../core/record.ts'
import { backOffMs } from '../core/retry.ts'
import { isUnfinished, type JobBoard, type JobRow } from './job-board.ts'
import type { GrantReceiver } from './coordination.ts'
import type { Message } from './lease-types.ts'
import type { Workload } from './presence-teller.ts'

export interface WorkDeskParts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly board: JobBoard
  readonly builder: WheelBuilder
  holder(shard: ShardId): NodeId | undefined
  witnesses(shard: ShardId): readonly NodeId[]
  /** The highest fence of a coordinator heard of. */
  highestFence(shard: ShardId): Fence | undefined
  /** Jobs that may be built now, most urgent first. */
  openJobs(target: TargetId): Iterable<JobId>
  /** Somebody else holds a claim on the job, as far as this node knows. */
  isClaimed(job: JobId): boolean
  send(to: NodeId, message: CoordinationMessage): void
  publish(result: ResultRecord): Promise<void>
  capacity(): Capacity
}

export interface WorkDeskOptions {
  readonly self: NodeId
  readonly boot: number
  /** In the cascade's order. */
  readonly targets: readonly TargetId[]
  readonly slots: number
}

interface Running {
  readonly claim: ClaimNote
  readonly shard: TargetId
  readonly startedMs: number
  readonly abort: AbortController
  phase: BuildPhase
  toldMs: number
  readonly ended: Promise<void>
}

interface Asking {
  readonly nonce: number
  readonly shard: TargetId
  readonly askedMs: number
}

/** After a "nothing for you": a little, and not all at once. */
const ASK_AGAIN_MS = 1_500
const ASK_JITTER_MS = 1_500

/** The builder's side: asks coordinators for jobs while a slot is free, builds them, signs what came of it. */
export class WorkDesk implements GrantReceiver, Workload {
  readonly #parts: WorkDeskParts
  readonly #options: WorkDeskOptions
  readonly #running = new Map<JobId, Running>()
  readonly #notBeforeMs = new Map<TargetId, number>()
  #asking: Asking | undefined
  #accepting = true
  /** Troubles of this machine in a row, and until when it builds nothing because of them. */
  #troubles = 0
  #troubledUntilMs = 0
  #troubleReason: string | undefined

  constructor(parts: WorkDeskParts, options: WorkDeskOptions) {
    this.#parts = parts
    this.#options = options
  }

  tick(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const running of this.#running.values()) {
      if (nowMs - running.toldMs >= PROGRESS_MS) this.#tellProgress(running, nowMs)
    }
    if (this.#asking !== undefined && nowMs - this.#asking.askedMs > GRANT_FRESH_MS)
      this.#rest(this.#asking.shard, nowMs)
    if (this.#asking === undefined && this.freeSlots() > 0) this.#ask(nowMs)
  }

  freeSlots(): number {
    if (!this.#accepting || this.#parts.clock.monotonicMs() < this.#troubledUntilMs) return 0
    return Math.max(0, this.#options.slots - this.#running.size)
  }

  running(): readonly RunningJob[] {
    const nowMs = this.#parts.clock.monotonicMs()
    return [...this.#running.values()].map(({ claim, phase, startedMs }) => ({
      job: claim.job,
      phase,
      elapsedMs: Math.round(nowMs - startedMs)
    }))
  }

  /** Why this machine builds nothing for now, if its own trouble is the reason. */
  trouble(): string | undefined {
    return this.#parts.clock.monotonicMs() < this.#troubledUntilMs ? this.#troubleReason : undefined
  }

  /** Takes no new jobs; those that run go on. */
  finish(): void {
    this.#accepting = false
  }

  resume(): void {
    this.#accepting = true
    this.#troubledUntilMs = 0
  }

  /** Ends the running builds and gives their claims back. */
  async stop(): Promise<void> {
    this.finish()
    const running = [...this.#running.values()]
    for (const { abort } of running) abort.abort(new Error('the node stops'))
    await Promise.all(running.map(({ ended }) => ended))
  }

  onGrant(from: NodeId, { shard, nonce, claim }: Message<'grant'>): void {
    const asking = this.#asking
    if (asking?.nonce !== nonce || asking.shard !== shard) return
    this.#asking = undefined
    if (this.#isVoid(from, claim, asking)) return
    const row = this.#parts.board.get(claim.job)
    if (row !== undefined && isUnfinished(row) && row.sdist !== undefined && row.target === asking.shard) {
      this.#begin(claim, row)
      return
    }
    this.#parts.log.debug('a granted job is not open here; given back', { job: claim.job })
    this.#parts.send(from, { kind: 'give-up', shard, claim })
    this.#rest(asking.shard, this.#parts.clock.monotonicMs())
  }

  /** A grant that took too long, or that a later coordinator knows nothing of, may be somebody else's by now. */
  #isVoid(from: NodeId, claim: ClaimNote, asking: Asking): boolean {
    if (claim.fence.holder !== from || claim.builder !== this.#options.self) return true
    const highest = this.#parts.highestFence(asking.shard)
    const outdated = highest !== undefined && compareFences(claim.fence, highest) < 0
    const lateMs = this.#parts.clock.monotonicMs() - asking.askedMs - GRANT_FRESH_MS
    return outdated || lateMs > 0 || this.#running.has(claim.job)
  }

  onNoGrant(_from: NodeId, { nonce, shard }: Message<'no-grant'>): void {
    if (this.#asking?.nonce === nonce && this.#asking.shard === shard) {
      this.#rest(this.#asking.shard, this.#parts.clock.monotonicMs())
    }
  }

  onNewHolder(shard: ShardId): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const running of this.#running.values())
      if (running.shard === shard) this.#tellProgress(running, nowMs)
  }

  #ask(nowMs: number): void {
    for (const shard of this.#options.targets) {
      const holder = this.#parts.holder(shard)
      if (holder === undefined || nowMs < (this.#notBeforeMs.get(shard) ?? 0) || !this.#hasWork(shard))
        continue
      const nonce = Math.floor(this.#parts.random.float() * 2 ** 32)
      this.#asking = { nonce, shard, askedMs: nowMs }
      const { boot } = this.#options
      const running = [...this.#running.keys()]
      this.#parts.send(holder, {
        kind: 'request',
        shard,
        nonce,
        boot,
        running,
        capacity: this.#parts.capacity()
      })
      return
    }
  }

  #hasWork(target: TargetId): boolean {
    for (const job of this.#parts.openJobs(target))
      if (!this.#running.has(job) && !this.#parts.isClaimed(job)) return true
    return false
  }

  #rest(shard: TargetId, nowMs: number): void {
    this.#asking = undefined
    this.#notBeforeMs.set(shard, nowMs + ASK_AGAIN_MS + this.#parts.random.float() * ASK_JITTER_MS)
  }

  #begin(claim: ClaimNote, row: JobRow): void {
    const nowMs = this.#parts.clock.monotonicMs()
    const abort = new AbortController()
    const started: { running?: Running } = {}
    const ended = this.#build(claim, row, abort.signal, (phase) => {
      if (started.running !== undefined) started.running.phase = phase
    }).finally(() => this.#running.delete(claim.job))
    started.running = {
      claim,
      shard: row.target,
      startedMs: nowMs,
      abort,
      phase: 'fetch',
      toldMs: nowMs,
      ended
    }
    this.#running.set(claim.job, started.running)
  }

  async #build(
    claim: ClaimNote,
    row: JobRow,
    signal: AbortSignal,
    onPhase: (phase: BuildPhase) => void
  ): Promise<void> {
    const { builder, clock, log } = this.#parts
    const { sdist } = row
    if (sdist === undefined) return
    const startedMs = clock.wallMs()
    const { project, version, target } = parseJobId(claim.job)
    log.info('building', { job: claim.job })
    try {
      const request = { job: { project, version, target, sdist: sdist.ref }, sdistUrl: sdist.url }
      const report = await builder.build(request, { signal, onPhase })
      await this.#publish(claim, row, { report, startedMs })
    } catch (error) {
      if (!signal.aborted)
        log.error('a build ended without a result', { job: claim.job, error: messageOf(error) })
      this.#giveUp(claim, row.target)
    }
  }

  async #publish(
    claim: ClaimNote,
    row: JobRow,
    built: { readonly report: BuildReport; readonly startedMs: number }
  ): Promise<void> {
    const { report, startedMs } = built
    const { wheel, failure, log, durationMs, environment } = report
    if (row.sdist === undefined) return
    if (failure?.class === 'infra') this.#onTrouble(failure.reason)
    else this.#troubles = 0
    await this.#parts.publish({
      kind: 'result',
      job: claim.job,
      sdist: row.sdist.ref,
      fence: claim.fence,
      ...(wheel === undefined ? {} : { wheel }),
      ...(failure === undefined ? {} : { failure }),
      log,
      startedMs,
      durationMs: Math.round(durationMs),
      environment
    })
    this.#parts.log.info(failure === undefined ? 'built' : 'could not be built', {
      job: claim.job,
      durationMs: Math.round(durationMs),
      ...(failure === undefined
        ? { wheel: wheel?.filename }
        : { class: failure.class, reason: failure.reason })
    })
  }

  /** The machine failed, not the package: no more jobs for a while, and everybody can see why. */
  #onTrouble(reason: string): void {
    this.#troubles++
    this.#troubleReason = reason
    this.#troubledUntilMs = this.#parts.clock.monotonicMs() + backOffMs(this.#troubles)
    this.#parts.log.error('this machine cannot build; it pauses', { reason, failuresInARow: this.#troubles })
  }

  #giveUp(claim: ClaimNote, shard: TargetId): void {
    const holder = this.#parts.holder(shard)
    if (holder !== undefined) this.#parts.send(holder, { kind: 'give-up', shard, claim })
  }

  #tellProgress(running: Running, nowMs: number): void {
    running.toldMs = nowMs
    const { shard, claim } = running
    const holder = this.#parts.holder(shard)
    const listeners = new Set([...(holder === undefined ? [] : [holder]), ...this.#parts.witnesses(shard)])
    for (const node of listeners) this.#parts.send(node, { kind: 'progress', shard, claim })
  }
}
