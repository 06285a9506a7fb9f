import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { hash32, sha256Hex } from '../../src/core/digest.ts'
import { jobId } from '../../src/core/job.ts'
import type { BlobStore, BuildReport, BuildRequest, WheelBuilder } from '../../src/core/ports.ts'
import type { BlobRef, BuildEnvironment, Failure, WheelRef } from '../../src/core/record.ts'
import { parseTarget } from '../../src/core/target.ts'
import { tinyWheel } from './tiny-wheel.ts'

/** What every node with this builder builds for, whatever machine it runs on. */
export const FAKE_TARGET = parseTarget('cp313-linux_x86_64-glibc2.41')

/** One line of a builder's own book: what really ran, whether or not anybody signed or heard of it. */
export interface BuildEvent {
  /** Milliseconds since 1970: all nodes of a proof share one machine's clock. */
  readonly atMs: number
  readonly pid: number
  readonly event: 'begun' | 'built' | 'failed' | 'aborted'
  readonly job: string
}

export interface FakeBuilderOptions {
  /** Distinguishes the bytes of two wheels of one job. */
  readonly label: string
  readonly bookFile: string
  /** A build takes a time between these, the same for a job on every node. */
  readonly minMs: number
  readonly maxMs: number
  /** Smallest and largest wheel in KiB, the same for a job on every node; absent: as small as a wheel can be. */
  readonly wheelKiB?: readonly [number, number]
}

/** Out of 100 jobs, as measured by piwheels in 2017. */
const BUILT_PERCENT = 76
const FAILURE: Failure = {
  class: 'package',
  cause: 'compile-error',
  reason: 'a job of this hash never builds'
}
const gzipAsync = promisify(gzip)

/** Builds with a clock in place of a compiler: a fixed time and a fixed outcome for each job, and a wheel that pip would take. */
export function createFakeBuilder(blobs: BlobStore, options: FakeBuilderOptions): WheelBuilder {
  const { bookFile, minMs, maxMs } = options
  return {
    async build(request, told) {
      const { signal } = told
      const { project, version, target } = request.job
      const job = jobId(project, version, target)
      // Written before anything else may fail, and by a call that a kill cannot outrun.
      const note = (event: BuildEvent['event']): void => {
        const line: BuildEvent = { atMs: Date.now(), pid: process.pid, event, job }
        appendFileSync(bookFile, `${JSON.stringify(line)}\n`)
      }
      note('begun')
      const startMs = performance.now()
      try {
        told.onPhase('build')
        await sleep(minMs + (hash32(`time ${job}`) % (maxMs - minMs + 1)), undefined, { signal })
        const report = await reportOf(blobs, request, { ...options, job, startMs })
        signal.throwIfAborted()
        note(report.wheel === undefined ? 'failed' : 'built')
        return report
      } catch (error) {
        note('aborted')
        throw error
      }
    }
  }
}

async function reportOf(
  blobs: BlobStore,
  { job: { project, version, target } }: BuildRequest,
  build: Pick<FakeBuilderOptions, 'label' | 'wheelKiB'> & { readonly job: string; readonly startMs: number }
): Promise<BuildReport> {
  const { label, job, startMs } = build
  const log = await store(blobs, await gzipAsync(`${job} on ${label}\n`))
  const outcome =
    hash32(`outcome ${job}`) % 100 < BUILT_PERCENT
      ? { wheel: await storeWheel(blobs, { project, version, target }, greetingOf(build)) }
      : { failure: FAILURE }
  return { ...outcome, log, durationMs: performance.now() - startMs, environment: ENVIRONMENT }
}

async function storeWheel(
  blobs: BlobStore,
  { project, version, target }: Pick<BuildRequest['job'], 'project' | 'version' | 'target'>,
  greeting: string
): Promise<WheelRef> {
  const { python, platform } = parseTarget(target)
  const name = project.replaceAll('-', '_')
  const tag = `${python}-${python}-${platform}`
  const wheel = tinyWheel({ name, version, tag, greeting, requiresDist: ['packaging>=20'] })
  const [file, metadata] = [await store(blobs, wheel.bytes), await store(blobs, Buffer.from(wheel.metadata))]
  return {
    filename: wheel.filename,
    ...file,
    metadata: metadata.sha256,
    metadataSize: metadata.size,
    requiresPython: '',
    aptPackages: [],
    glibcFloor: ''
  }
}

/** Who built it; and as many hex digits, none like the others, as make the wheel as large as it is to be. */
function greetingOf({
  label,
  job,
  wheelKiB
}: Pick<FakeBuilderOptions, 'label' | 'wheelKiB'> & { readonly job: string }): string {
  if (wheelKiB === undefined) return label
  const [min, max] = wheelKiB
  const outputLength = ((min + (hash32(`size ${job}`) % (max - min + 1))) * 1024) / 2
  return `${label} ${createHash('shake256', { outputLength }).update(`${job} on ${label}`).digest('hex')}`
}

const ENVIRONMENT: BuildEnvironment = {
  digest: sha256Hex('fake builder'),
  python: 'CPython 3.13.0',
  compiler: 'none',
  os: 'none',
  sandboxLevel: 3,
  requirements: []
}

async function store(blobs: BlobStore, bytes: Uint8Array): Promise<BlobRef & Pick<WheelRef, 'pieces'>> {
  const { digest, size, pieces } = await blobs.write(
    (async function* () {
      yield bytes
    })()
  )
  return { sha256: digest, size, ...(pieces !== undefined && { pieces }) }
}
