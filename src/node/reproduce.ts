import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { compareWheels } from '../build/compare-wheels.ts'
import { messageOf } from '../core/errors.ts'
import { jobId, parseJobId } from '../core/job.ts'
import type { JobId, Sha256 } from '../core/ids.ts'
import { parseProjectPage } from '../core/parse-project-page.ts'
import type {
  BlobSource,
  BlobStore,
  BuildReport,
  BuildRequest,
  Random,
  UpstreamIndex,
  WheelBuilder
} from '../core/ports.ts'
import type { BuildEnvironment, ResultRecord, WheelRef } from '../core/record.ts'
import type { ReproduceSource } from '../http/reproduce-routes.ts'
import type { DifferingFactView, ReproduceEvent, ReproduceReportView } from '../http/reproduce-types.ts'
import type { ResultFact } from '../ledger/results.ts'
import { createBlobStore } from '../storage/blob-store.ts'

export interface ReproduceParts {
  readonly dataDir: string
  readonly results: { ofJob(job: JobId): readonly ResultFact[] }
  readonly upstream: UpstreamIndex
  readonly store: BlobStore
  readonly blobs: BlobSource
  readonly random: Random
  /** Undefined while this node builds nothing. */
  builderInto(): ((blobs: BlobStore) => WheelBuilder) | undefined
}

/** Why a job is not built again, for whoever asked. */
class Refusal extends Error {
  override readonly name = 'Refusal'
}

interface Published {
  readonly author: string
  readonly record: ResultRecord
  readonly wheel: WheelRef
}

/** `commonwheel reproduce`: one at a time, in a folder that is there only meanwhile; nothing of it is published. */
export function createReproduceSource(parts: ReproduceParts): ReproduceSource {
  let isRunning = false
  return {
    async *reproduce({ job }, signal) {
      if (isRunning) {
        yield {
          kind: 'failed',
          reason: 'another job is just being reproduced here; try again when that is done'
        }
        return
      }
      isRunning = true
      try {
        yield* reproduceJob(parts, job, signal)
      } catch (error) {
        signal.throwIfAborted()
        yield { kind: 'failed', reason: messageOf(error) }
      } finally {
        isRunning = false
      }
    }
  }
}

async function* reproduceJob(
  parts: ReproduceParts,
  job: string,
  signal: AbortSignal
): AsyncGenerator<ReproduceEvent> {
  const published = publishedOf(parts, job)
  const builderInto = parts.builderInto()
  if (builderInto === undefined) throw new Refusal('this node builds nothing: commonwheel status says why')
  yield { kind: 'progress', phase: 'published' }
  const { sha256, size, pieces } = published.wheel
  await parts.blobs.ensure(sha256, { signal, about: { size, ...(pieces !== undefined && { pieces }) } })
  const request = await requestFor(parts, published.record, signal)
  const folder = join(parts.dataDir, 'reproduce')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { mode: 0o700 })
  try {
    const scratch = await createBlobStore(join(folder, 'blobs'), parts)
    const phases = new PhaseQueue()
    const told = {
      signal,
      onPhase: (phase: string) => {
        phases.put(phase)
      }
    }
    const building = builderInto(scratch)
      .build(request, told)
      .finally(() => {
        phases.end()
      })
    for await (const phase of phases) yield { kind: 'progress', phase }
    const report = await building
    const { wheel, failure } = report
    if (wheel === undefined) {
      yield { kind: 'failed', reason: failure?.reason ?? 'it left no wheel', log: report.log.sha256 }
      return
    }
    const paths = [
      join(folder, `published-${published.wheel.filename}`),
      join(folder, `built-${wheel.filename}`)
    ] as const
    await copyOut(parts.store, sha256, paths[0])
    await copyOut(scratch, wheel.sha256, paths[1])
    yield { kind: 'report', report: await reportOf(published, report, paths) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The newest result with a wheel. */
function publishedOf({ results }: ReproduceParts, job: string): Published {
  const { project, version, target } = parseJobId(job)
  const found = results
    .ofJob(jobId(project, version, target))
    .flatMap(({ author, record }) =>
      record.wheel === undefined ? [] : [{ author, record, wheel: record.wheel }]
    )
    .sort((a, b) => b.record.startedMs - a.record.startedMs)[0]
  if (found === undefined) throw new Refusal(`the mesh has no wheel of ${job}`)
  if (found.record.builtAs !== undefined)
    throw new Refusal(`its wheel is that of ${found.record.builtAs} with other tags: reproduce that one`)
  return found
}

async function requestFor(
  { upstream }: ReproduceParts,
  { job, sdist, environment }: ResultRecord,
  signal: AbortSignal
): Promise<BuildRequest> {
  const { project, version, target } = parseJobId(job)
  const answer = await upstream.project(project, { signal })
  if (answer.kind !== 'page') throw new Refusal(`upstream has no ${project} any more`)
  const page = parseProjectPage(JSON.parse(Buffer.from(answer.page.body).toString('utf8')), project)
  const file = page.files.find((one) => one.sha256 === sdist.sha256)
  if (file === undefined)
    throw new Refusal(`upstream has no ${sdist.filename} with sha256 ${sdist.sha256} any more`)
  return { job: { project, version, target, sdist }, sdistUrl: file.url, pins: environment.requirements }
}

async function copyOut(store: BlobStore, digest: Sha256, path: string): Promise<void> {
  await pipeline(Readable.from(store.read(digest)), createWriteStream(path, { mode: 0o600 }))
}

async function reportOf(
  { author, record, wheel }: Published,
  report: BuildReport,
  paths: readonly [string, string]
): Promise<ReproduceReportView> {
  const comparison = await compareWheels(...paths)
  const { equalBytes, equalContents, published, built, members, differing, archive } = comparison
  return {
    job: record.job,
    filename: wheel.filename,
    equal: equalBytes && wheel.filename === report.wheel?.filename,
    equalContents,
    published: { ...published, builder: author },
    built,
    surroundings: surroundingsOf(record.environment, report.environment),
    members,
    differing,
    archive,
    durationMs: report.durationMs
  }
}

function surroundingsOf(published: BuildEnvironment, built: BuildEnvironment): readonly DifferingFactView[] {
  const facts = (['python', 'compiler', 'os'] as const).map((what) => ({
    what,
    published: published[what],
    built: built[what]
  }))
  const only = (these: readonly string[], others: readonly string[]): string =>
    these.filter((line) => !others.includes(line)).join(', ')
  const requirements = {
    what: 'requirements',
    published: only(published.requirements, built.requirements),
    built: only(built.requirements, published.requirements)
  }
  return [...facts, requirements].filter((fact) => fact.published !== fact.built)
}

/** What a callback tells, as an iterable. */
class PhaseQueue {
  #waiting: string[] = []
  #isOver = false
  #wake: () => void = () => undefined

  put(phase: string): void {
    this.#waiting.push(phase)
    this.#wake()
  }

  end(): void {
    this.#isOver = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      yield* this.#waiting.splice(0)
      if (this.#isOver) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
