import type { ClaimNote } from '../core/coordination.ts'
import { messageOf } from '../core/errors.ts'
import { jobId, parseJobId } from '../core/job.ts'
import { PROGRESS_AGAIN_MS, PROGRESS_MS } from '../core/limits.ts'
import { pinsToTell } from '../core/pins.ts'
import type { BuildPhase, BuildReport, Clock, Log, RetaggedWheel, WheelBuilder } from '../core/ports.ts'
import type { BuildLimits, ResultRecord } from '../core/record.ts'
import type { JobRow } from './job-board.ts'

/** A result that could not be written is tried again after this. */
const WRITE_AGAIN_MS = 5_000

export interface BuildRunParts {
  readonly clock: Clock
  readonly log: Log
  readonly builder: WheelBuilder
  /** Requirements of an earlier build of the job. */
  readonly pins?: readonly string[]
  readonly publish: (result: ResultRecord) => Promise<void>
  limits(): BuildLimits
  /** The build is over, its result not signed yet: the slot is free. */
  onReport(run: BuildRun, report: BuildReport): void
  /** The result could not be written; it is tried again. */
  onUnwritten(run: BuildRun, error: unknown): void
  /** It ended without a result. */
  onFailed(run: BuildRun): void
}

/** One granted job on this machine, from the grant until its result is signed and on the disk. */
export class BuildRun {
  readonly ended: Promise<void>
  readonly startedMs: number
  readonly #parts: BuildRunParts
  #claim: ClaimNote
  readonly #row: JobRow
  readonly #abort = new AbortController()
  #phase: BuildPhase = 'fetch'
  #isBuilding = true
  #publishedMs: number | undefined
  #toldMs: number
  /** The coordinator heard of the last progress; it knows of the grant itself. */
  #isNoted = true
  #pins: readonly string[] | undefined

  constructor(parts: BuildRunParts, claim: ClaimNote, row: JobRow) {
    this.#parts = parts
    this.#claim = claim
    this.#row = row
    this.startedMs = parts.clock.monotonicMs()
    this.#toldMs = this.startedMs
    this.ended = this.#run()
  }

  get claim(): ClaimNote {
    return this.#claim
  }

  /** The same job was granted here again: a later coordinator goes by this claim. */
  adopt(claim: ClaimNote): void {
    this.#claim = claim
  }

  phase(): BuildPhase {
    return this.#phase
  }

  /** It needs its slot; while its result is published it does not. */
  isBuilding(): boolean {
    return this.#isBuilding
  }

  /** `startedMs` of its result, once that is signed and on the disk. */
  publishedMs(): number | undefined {
    return this.#publishedMs
  }

  /** What it is built with, as far as a message takes it. */
  pins(): readonly string[] | undefined {
    return this.#pins
  }

  isProgressDue(nowMs: number): boolean {
    return nowMs - this.#toldMs >= (this.#isNoted ? PROGRESS_MS : PROGRESS_AGAIN_MS)
  }

  progressTold(nowMs: number): void {
    this.#toldMs = nowMs
    this.#isNoted = false
  }

  progressNoted(): void {
    this.#isNoted = true
  }

  abort(reason: Error): void {
    this.#abort.abort(reason)
  }

  async #run(): Promise<void> {
    const { clock, log, builder } = this.#parts
    const { sdist } = this.#row
    if (sdist === undefined) return
    const { signal } = this.#abort
    const startedMs = clock.wallMs()
    const { project, version, target } = parseJobId(this.claim.job)
    log.info('building', { job: this.claim.job })
    const onPhase = (phase: BuildPhase): void => {
      this.#phase = phase
    }
    try {
      const { pins } = this.#parts
      const request = { job: { project, version, target, sdist: sdist.ref }, sdistUrl: sdist.url }
      const onRequirements = (lines: readonly string[]): void => {
        this.#pins = pinsToTell(lines)
      }
      const told = { signal, onPhase, onRequirements }
      const report = await builder.build(pins === undefined ? request : { ...request, pins }, told)
      this.#isBuilding = false
      this.#phase = 'store'
      this.#parts.onReport(this, report)
      await this.#publish(report, startedMs)
    } catch (error) {
      if (!signal.aborted)
        log.error('a build ended without a result', { job: this.claim.job, error: messageOf(error) })
      this.#parts.onFailed(this)
    } finally {
      this.#isBuilding = false
    }
  }

  async #publish(report: BuildReport, startedMs: number): Promise<void> {
    const { wheel, retagged, failure, log, durationMs, environment } = report
    const { sdist, pass } = this.#row
    if (sdist === undefined) return
    const { job, fence } = this.#claim
    const about = { kind: 'result', sdist: sdist.ref, fence } as const
    const ending = { log, startedMs, durationMs: Math.round(durationMs), environment }
    const result: ResultRecord = {
      ...about,
      job,
      ...(wheel === undefined ? {} : { wheel }),
      ...(failure === undefined ? {} : { failure, limits: report.limits ?? this.#parts.limits() }),
      ...ending,
      ...(pass !== undefined && { pass })
    }
    // at once: they go into one entry, and whoever knows the one knows the other
    await Promise.all(
      [result, ...this.#retaggedResult(retagged, { ...about, ...ending })].map((one) => this.#write(one))
    )
    this.#publishedMs = startedMs
    this.#parts.log.info(failure === undefined ? 'built' : 'could not be built', {
      job,
      durationMs: Math.round(durationMs),
      ...(failure === undefined
        ? { wheel: wheel?.filename }
        : { class: failure.class, reason: failure.reason })
    })
  }

  /** A job that this build settles without having been granted it: it is of another target, and costs nothing. */
  #retaggedResult(
    retagged: RetaggedWheel | undefined,
    shared: Omit<ResultRecord, 'job'>
  ): readonly ResultRecord[] {
    if (retagged === undefined) return []
    const { job } = this.#claim
    const { project, version } = parseJobId(job)
    const { target, wheel } = retagged
    return [{ ...shared, job: jobId(project, version, target), wheel, builtAs: job }]
  }

  /** Until it is on the disk: a full one gets room again, and the work of hours is not thrown away. */
  async #write(result: ResultRecord): Promise<void> {
    const { clock, publish } = this.#parts
    const { signal } = this.#abort
    for (;;) {
      try {
        await publish(result)
        return
      } catch (error) {
        signal.throwIfAborted()
        this.#parts.onUnwritten(this, error)
        await clock.sleep(WRITE_AGAIN_MS, { signal })
      }
    }
  }
}
