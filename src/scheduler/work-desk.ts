import type { Capacity, ClaimNote, PausedNote, RunningJob, ShardId } from '../core/coordination.ts'
import { messageOf } from '../core/errors.ts'
import { compareFences, type Fence } from '../core/fence.ts'
import type { JobId, NodeId, TargetId } from '../core/ids.ts'
import { GRANT_FRESH_MS, MAX_CLAIMS_PER_BUILDER } from '../core/limits.ts'
import type { BuildReport, Clock, Log, Random, WheelBuilder } from '../core/ports.ts'
import type { BuildLimits, ResultRecord } from '../core/record.ts'
import { BuildRun } from './build-run.ts'
import type { GrantReceiver } from './coordination.ts'
import { isUnfinished, type JobBoard, type JobRow } from './job-board.ts'
import { askWorld, JobAsking, type AskWorld, type Question } from './job-asking.ts'
import { MachineTrouble } from './machine-trouble.ts'
import type { Message } from './lease-types.ts'
import type { Workload } from './presence-teller.ts'
import { ResultTeller } from './result-teller.ts'
import { blamed, refused, type Refusal } from './refusal.ts'

/** What the builder's side needs of coordination. */
export interface Coordinators extends Omit<AskWorld, 'random'> {
  shardOf(job: JobId): ShardId
  witnesses(shard: ShardId): readonly NodeId[]
  /** The highest fence of a coordinator heard of. */
  highestFence(shard: ShardId): Fence | undefined
}

export interface WorkDeskParts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly board: Pick<JobBoard, 'get' | 'fits' | 'onChange'>
  readonly builder: WheelBuilder
  readonly coordinators: Coordinators
  publish(result: ResultRecord): Promise<void>
  /** Build requirements that the ledger has for the next build of the job. */
  pinsOf?(job: JobId): readonly string[] | undefined
  capacity(): Capacity
  /** Under which limits builds run; unless given, those of the capacity. */
  limits?(): BuildLimits
  /** Why what is built could not be stored, if so: then nothing is begun. */
  noRoom?(): string | undefined
  /** Why nothing is begun for now, if so: its owner, or the machine, asks for it. */
  paused?(): PausedNote | undefined
}

export interface WorkDeskOptions {
  readonly self: NodeId
  readonly boot: number
  /** In the cascade's order. */
  readonly targets: readonly TargetId[]
  readonly slots: number
  /** Whether a grant's fence is below the highest heard; the simulator tries what happens without. */
  readonly rules?: { isOutdated(grant: Fence, highest: Fence | undefined): boolean }
}

/** A claim of this node's, and what its last builder built with. */
interface Granted {
  readonly claim: ClaimNote
  readonly pins: readonly string[] | undefined
}

/** Jobs that ended here lately: a grant of one of them that the network repeats is not given back. */
const REMEMBERED_ENDS = 64

/** The builder's side: asks coordinators for jobs while a slot is free, builds them, signs what came of it. */
export class WorkDesk implements GrantReceiver, Workload {
  readonly #parts: WorkDeskParts
  readonly #options: WorkDeskOptions
  readonly #asking: JobAsking
  readonly #runs = new Map<JobId, BuildRun>()
  readonly #results: ResultTeller
  #endedJobs: readonly JobId[] = []
  #accepting = true
  readonly #trouble: MachineTrouble

  constructor(parts: WorkDeskParts, options: WorkDeskOptions) {
    this.#parts = parts
    this.#options = options
    const { board, coordinators, random } = parts
    this.#results = new ResultTeller(coordinators)
    this.#trouble = new MachineTrouble(() => parts.noRoom?.())
    const asker = {
      mayTake: (job: JobId) =>
        !this.#runs.has(job) && !this.#results.has(job) && board.fits(job, parts.capacity(), options.self),
      running: () => [...this.#runs.keys(), ...this.#results.jobs()].slice(0, MAX_CLAIMS_PER_BUILDER),
      capacity: () => parts.capacity()
    }
    this.#asking = new JobAsking(askWorld(coordinators, random), options, asker)
    board.onChange((rows) => {
      if (rows.some((row) => row.state.kind === 'open' && options.targets.includes(row.target)))
        this.#asking.workAppeared(this.#nowMs())
    })
  }

  tick(): void {
    const nowMs = this.#nowMs()
    for (const run of this.#runs.values()) if (run.isProgressDue(nowMs)) this.#tellProgress(run, nowMs)
    this.#results.tick(nowMs)
    if (this.freeSlots() > 0) this.#asking.tick(nowMs)
  }

  freeSlots(): number {
    if (!this.#accepting || this.paused() !== undefined) return 0
    let building = 0
    for (const run of this.#runs.values()) if (run.isBuilding()) building++
    // A disk that takes no results must not be asked for ever more of them.
    return Math.max(0, Math.min(this.#options.slots - building, MAX_CLAIMS_PER_BUILDER - this.#runs.size))
  }

  running(): readonly RunningJob[] {
    const nowMs = this.#nowMs()
    return [...this.#runs.values()].map((run) => ({
      job: run.claim.job,
      phase: run.phase(),
      elapsedMs: Math.round(nowMs - run.startedMs)
    }))
  }

  /** Why this machine builds nothing for now, if its own trouble is the reason. */
  trouble(): string | undefined {
    return this.#trouble.reason(this.#nowMs())
  }

  /** Why nothing is begun for now, and since when: what the others hear. */
  paused(): PausedNote | undefined {
    return this.#parts.paused?.() ?? this.#trouble.note(this.#nowMs())
  }

  /** Takes no new jobs; those that run go on. */
  finish(): void {
    this.#accepting = false
  }

  /** Takes jobs again, and does not wait until a trouble of its own is over. */
  resume(): void {
    this.#accepting = true
    this.#trouble.forgive()
  }

  async stop(): Promise<void> {
    this.finish()
    await this.giveBack()
  }

  /** Ends the running builds and gives their claims back, to the coordinator that is known then. */
  async giveBack(): Promise<void> {
    const runs = [...this.#runs.values()]
    for (const run of runs) run.abort(new Error('the node gives its builds back'))
    await Promise.all(runs.map(({ ended }) => ended))
  }

  onGrant(from: NodeId, { shard, nonce, claim, pins }: Message<'grant'>): Refusal | undefined {
    if (claim.fence.holder !== from) return blamed('not-the-holder')
    if (claim.builder !== this.#options.self) return blamed('not-the-builder')
    const question = this.#asking.answered(nonce, shard)
    const refusal = question === undefined ? refused('not-asked') : this.#judgeGrant(claim, question)
    if (refusal !== undefined) {
      // Nobody builds it, so that nobody need wait for it. What ended here lately is known by its result.
      if (!this.#runs.has(claim.job) && !this.#endedJobs.includes(claim.job)) this.#giveUp(claim, shard, from)
      return refusal
    }
    this.#take(from, { claim, pins }, shard)
    this.#look()
    return undefined
  }

  onNoGrant(_from: NodeId, { nonce, shard }: Message<'no-grant'>): Refusal | undefined {
    if (this.#asking.answered(nonce, shard) === undefined) return refused('not-asked')
    this.#asking.rest(shard, this.#nowMs())
    this.#look()
    return undefined
  }

  onProgressNoted(from: NodeId, { shard, claim, known }: Message<'progress-noted'>): Refusal | undefined {
    if (known === true && this.#results.known(claim)) return undefined
    const run = this.#runs.get(claim.job)
    if (run === undefined || compareFences(run.claim.fence, claim.fence) !== 0)
      return refused('unknown-claim')
    if (this.#parts.coordinators.holder(shard) !== from) return refused('not-the-holder')
    run.progressNoted()
    return undefined
  }

  onNewHolder(shard: ShardId): void {
    const nowMs = this.#nowMs()
    for (const run of this.#runs.values())
      if (this.#parts.coordinators.shardOf(run.claim.job) === shard) this.#tellProgress(run, nowMs)
    this.#results.newHolder(shard, nowMs)
    this.#asking.newHolder(shard)
    this.#look()
  }

  /** A grant that took too long, or that a later coordinator knows nothing of, may be somebody else's by now. */
  #judgeGrant({ fence, job }: ClaimNote, { shard, askedMs }: Question): Refusal | undefined {
    const highest = this.#parts.coordinators.highestFence(shard)
    const { rules } = this.#options
    const isOutdated = rules === undefined ? isBelow(fence, highest) : rules.isOutdated(fence, highest)
    if (isOutdated) return refused('stale-fence')
    if (this.#parts.coordinators.shardOf(job) !== shard) return refused('foreign-job')
    return this.#nowMs() - askedMs > GRANT_FRESH_MS ? refused('not-asked') : undefined
  }

  #take(from: NodeId, { claim, pins }: Granted, shard: ShardId): void {
    const running = this.#runs.get(claim.job)
    if (running !== undefined) {
      running.adopt(claim)
      return
    }
    const row = this.#parts.board.get(claim.job)
    if (row !== undefined && isUnfinished(row) && row.sdist !== undefined) {
      this.#begin({ claim, pins: this.#parts.pinsOf?.(claim.job) ?? pins }, row)
      return
    }
    this.#parts.log.debug('a granted job is not open here; given back', { job: claim.job })
    this.#giveUp(claim, shard, from)
    this.#asking.rest(shard, this.#nowMs())
  }

  #look(): void {
    if (this.freeSlots() > 0) this.#asking.look(this.#nowMs())
  }

  #begin({ claim, pins }: Granted, row: JobRow): void {
    const { clock, log, builder } = this.#parts
    const parts = {
      clock,
      log,
      builder,
      ...(pins !== undefined && { pins }),
      publish: (result: ResultRecord) => this.#parts.publish(result),
      limits: () => this.#parts.limits?.() ?? this.#parts.capacity(),
      onReport: (_run: BuildRun, report: BuildReport) => {
        this.#onReport(report)
      },
      onUnwritten: (_run: BuildRun, error: unknown) => {
        this.#onTrouble(`results cannot be written: ${messageOf(error)}`)
      },
      onFailed: ({ claim }: BuildRun) => {
        this.#giveUp(claim, this.#parts.coordinators.shardOf(claim.job))
      }
    }
    const run = new BuildRun(parts, claim, row)
    this.#results.forget(claim.job)
    this.#runs.set(claim.job, run)
    void run.ended.then(() => {
      this.#runs.delete(claim.job)
      const startedMs = run.publishedMs()
      if (startedMs !== undefined) this.#results.tell(run.claim, startedMs, this.#nowMs())
      this.#endedJobs = [claim.job, ...this.#endedJobs].slice(0, REMEMBERED_ENDS)
      this.#look()
    })
  }

  /** The slot is free while the result is signed and stored: the next job is asked for at once. */
  #onReport({ failure }: BuildReport): void {
    if (failure?.class === 'infra') this.#onTrouble(failure.reason)
    else this.#trouble.worked()
    this.#look()
  }

  /** The machine failed, not the package: no more jobs for a while, and everybody can see why. */
  #onTrouble(reason: string): void {
    const failuresInARow = this.#trouble.failed(reason, this.#nowMs())
    this.#parts.log.error('this machine cannot build; it pauses', { reason, failuresInARow })
  }

  #giveUp(claim: ClaimNote, shard: ShardId, granter?: NodeId): void {
    const { coordinators } = this.#parts
    for (const node of new Set([granter, coordinators.holder(shard)]))
      if (node !== undefined) coordinators.send(node, { kind: 'give-up', shard, claim })
  }

  #tellProgress(run: BuildRun, nowMs: number): void {
    run.progressTold(nowMs)
    const { claim } = run
    const pins = run.pins()
    const { coordinators } = this.#parts
    const shard = coordinators.shardOf(claim.job)
    for (const node of new Set([coordinators.holder(shard), ...coordinators.witnesses(shard)]))
      if (node !== undefined)
        coordinators.send(node, { kind: 'progress', shard, claim, ...(pins !== undefined && { pins }) })
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs()
  }
}

function isBelow(grant: Fence, highest: Fence | undefined): boolean {
  return highest !== undefined && compareFences(grant, highest) < 0
}
