import { createReadStream } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { MAX_REQUIREMENT_ROUNDS } from '../core/limits.ts'
import type { BlobStore, BuildPhase, BuildRequest, UpstreamIndex } from '../core/ports.ts'
import type { WheelRef } from '../core/record.ts'
import type { ResolvedOptions } from './build-options.ts'
import { giveToBuilds } from './build-place.ts'
import { readBuildSystem, type BuildSystem } from './build-system.ts'
import { collectWheel } from './collect-output.ts'
import { fetchRequirements } from './fetch-requirements.ts'
import { fetchSdist } from './fetch-sdist.ts'
import type { InspectWheel, WheelFacts } from './inspect-port.ts'
import { askBackend, buildWheel } from './pip-wheel.ts'
import type { BuildContext } from './run-inside.ts'
import { buildEnvironment } from './sandbox-env.ts'
import { done, failed, type Step } from './step.ts'
import { unpackSdist, type UnpackedSdist } from './unpack-sdist.ts'

export interface StepParts {
  readonly upstream: UpstreamIndex
  readonly blobs: BlobStore
  readonly inspectWheel: InspectWheel
}

/** One build on its way: its surroundings, its bounds, and what it tells while it runs. */
export interface BuildRun {
  readonly context: BuildContext
  readonly request: BuildRequest
  readonly options: ResolvedOptions
  readonly onPhase: (phase: BuildPhase) => Promise<void>
  /** Told after each round of fetching, so that a failed build says what it had been given. */
  readonly onRequirements: (lines: readonly string[]) => void
}

/** The way from an sdist's address to a stored wheel: fetch, requirements, build, inspect, store. */
export async function runBuildSteps(parts: StepParts, run: BuildRun): Promise<Step<WheelRef>> {
  await run.onPhase('fetch')
  const source = await fetchSource(parts.upstream, run)
  if (source.kind === 'failed') return source
  const built = await buildInRounds(run, source.value)
  if (built.kind === 'failed') return built
  await run.onPhase('inspect')
  const inspected = await inspect(parts.inspectWheel, run)
  if (inspected.kind === 'failed') return inspected
  await run.onPhase('store')
  return done(await store(parts.blobs, inspected.value))
}

interface Source extends UnpackedSdist {
  readonly system: BuildSystem
}

async function fetchSource(
  upstream: UpstreamIndex,
  { context, request, options }: BuildRun
): Promise<Step<Source>> {
  const { work, signal, host } = context
  const fetch = { folder: work.own, maxBytes: options.maxSdistBytes, signal }
  const archive = await fetchSdist(upstream, request, fetch)
  if (archive.kind === 'failed') return archive
  const fresh = join(work.own, 'unpacked')
  await mkdir(fresh)
  const unpacked = await unpackSdist(archive.value, fresh, options.unpackBounds)
  if (unpacked.kind === 'failed') return unpacked
  const tree = join(fresh, unpacked.value.top)
  const system = await readBuildSystem(tree)
  if (system.kind === 'failed') return system
  await giveToBuilds(tree, host.user)
  await rename(tree, join(work.build, 'src', unpacked.value.top))
  return done({ ...unpacked.value, system: system.value })
}

/** pip asks the backend itself; only when it wants more than is there do we ask it too, fetch that, and build again. */
async function buildInRounds(run: BuildRun, source: Source): Promise<Step<undefined>> {
  const { context, options } = run
  const env = buildEnvironment(source.sourceDateEpoch, options.parallelism)
  const from = { indexUrl: options.indexUrl(run.request.job), machine: options.machine }
  let requires = source.system.requires
  for (let round = 0; ; round++) {
    await run.onPhase('requirements')
    const fetched = await fetchRequirements(context, from, requires, round)
    if (fetched.kind === 'failed') return fetched
    run.onRequirements(fetched.value.lines)
    await run.onPhase('build')
    const build = { top: source.top, dependencies: fetched.value.folder, env }
    const outcome = await buildWheel(context, build)
    if (outcome.kind === 'built') return done(undefined)
    if (outcome.kind === 'failed') return outcome
    if (round === MAX_REQUIREMENT_ROUNDS) return endless()
    const asked = await askBackend(context, build, source.system)
    if (asked.kind === 'failed') return asked
    requires = [...new Set([...requires, ...asked.value])]
  }
}

function endless(): Step<never> {
  return failed(
    'package',
    'endless-requirements',
    'its build backend wants more requirements each time it is asked'
  )
}

interface Inspected {
  readonly path: string
  readonly facts: WheelFacts
}

async function inspect(inspectWheel: InspectWheel, run: BuildRun): Promise<Step<Inspected>> {
  const { work, interpreter } = run.context
  const wheel = await collectWheel(join(work.build, 'out'), work.own, run.options.maxWheelBytes)
  if (wheel.kind === 'failed') return wheel
  const scratchDir = join(work.own, 'inspect')
  await mkdir(scratchDir)
  const expected = { job: run.request.job, pythonTags: interpreter.tags, scratchDir }
  const verdict = await inspectWheel(wheel.value, expected)
  if (verdict.kind === 'refused') return failed('package', verdict.cause, verdict.reason)
  return done({ path: wheel.value, facts: verdict.facts })
}

async function store(blobs: BlobStore, { path, facts }: Inspected): Promise<WheelRef> {
  const wheel = await blobs.write(createReadStream(path))
  const metadata = await blobs.write(once(facts.metadata))
  return {
    filename: basename(path),
    sha256: wheel.digest,
    size: wheel.size,
    ...(wheel.pieces === undefined ? {} : { pieces: wheel.pieces }),
    metadata: metadata.digest,
    metadataSize: metadata.size,
    requiresPython: facts.requiresPython,
    aptPackages: facts.aptPackages,
    glibcFloor: facts.glibcFloor
  }
}

/** Bytes as the stream that a blob store takes. */
export async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
