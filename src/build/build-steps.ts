import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { MAX_REQUIREMENT_ROUNDS } from '../core/limits.ts'
import type { UpstreamIndex } from '../core/ports.ts'
import { giveToBuilds } from './build-place.ts'
import type { BuildRun } from './build-run.ts'
import { readBuildSystem, type BuildSystem } from './build-system.ts'
import { fetchRequirements } from './fetch-requirements.ts'
import { fetchSdist } from './fetch-sdist.ts'
import { finishWheels, type BuiltWheels, type FinishParts } from './finish-wheels.ts'
import { askBackend, buildWheel } from './pip-wheel.ts'
import { buildEnvironment } from './sandbox-env.ts'
import { done, failed, type Step } from './step.ts'
import { unpackSdist, type UnpackedSdist } from './unpack-sdist.ts'

export interface StepParts extends FinishParts {
  readonly upstream: UpstreamIndex
}

/** The way from an sdist's address to a stored wheel: fetch, requirements, build, inspect, store. */
export async function runBuildSteps(parts: StepParts, run: BuildRun): Promise<Step<BuiltWheels>> {
  await run.onPhase('fetch')
  const source = await fetchSource(parts.upstream, run)
  if (source.kind === 'failed') return source
  const built = await buildInRounds(run, source.value)
  if (built.kind === 'failed') return built
  return finishWheels(parts, run)
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
