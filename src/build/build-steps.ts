import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { MAX_REQUIREMENT_ROUNDS } from '../core/limits.ts'
import type { UpstreamIndex } from '../core/ports.ts'
import { giveToBuilds } from './build-place.ts'
import { withNetwork } from './build-network.ts'
import type { BuildRun } from './build-run.ts'
import { readBuildSystem, type BuildSystem } from './build-system.ts'
import { compiledSource } from './compiled-source.ts'
import { fetchCrates, type RustSupply } from './fetch-crates.ts'
import { fetchSdist } from './fetch-sdist.ts'
import { finishWheels, type BuiltWheels, type FinishParts } from './finish-wheels.ts'
import { obtainRequirements } from './obtain-requirements.ts'
import { parsePins } from './pins.ts'
import { buildWheel } from './pip-wheel.ts'
import type { RequirementCaches } from './requirement-caches.ts'
import { buildEnvironment } from './sandbox-env.ts'
import { done, failed, type Step } from './step.ts'
import { unpackSdist, type UnpackedSdist } from './unpack-sdist.ts'

export interface StepParts extends FinishParts {
  readonly upstream: UpstreamIndex
  readonly caches: RequirementCaches
}

/** The way from an sdist's address to a stored wheel: fetch, requirements, build, inspect, store. */
export async function runBuildSteps(parts: StepParts, run: BuildRun): Promise<Step<BuiltWheels>> {
  await run.onPhase('fetch')
  const source = await fetchSource(parts.upstream, run)
  if (source.kind === 'failed') return source
  const rust = await fetchCrates(run, source.value)
  if (rust.kind === 'failed') return rust
  const built = await buildInRounds(parts, run, { source: source.value, rust: rust.value })
  if (built.kind === 'failed') return built
  return finishWheels(parts, run, source.value.compiledFrom)
}

interface Supply {
  readonly source: Source
  readonly rust: RustSupply
}

interface Source extends UnpackedSdist {
  /** A file of it from which an extension module is made. */
  readonly compiledFrom: string | undefined
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
  const compiledFrom = await compiledSource(tree)
  await giveToBuilds(tree, host.user)
  await rename(tree, join(work.build, 'src', unpacked.value.top))
  return done({ ...unpacked.value, system: system.value, compiledFrom })
}

/** The environment is made of what is asked for before; what it turns out to lack is added, and the build begun again. */
async function buildInRounds(
  parts: StepParts,
  run: BuildRun,
  { source, rust }: Supply
): Promise<Step<undefined>> {
  const { context, options, request } = run
  const env = { ...buildEnvironment(source.sourceDateEpoch, options.parallelism), ...rust.env }
  let { requires } = source.system
  let pins = parsePins(request.pins ?? [])
  for (let round = 0; ; round++) {
    await run.onPhase('requirements')
    const obtained = await obtainRequirements(parts.caches, run, { requires, pins, round })
    if (obtained.kind === 'failed') return obtained
    const { lines, environment } = obtained.value
    run.onRequirements([...rust.lines, ...lines])
    await run.onPhase('build')
    const { top, system } = source
    const build = { top, system, environment }
    const outcome = await withNetwork(run, async (network) =>
      buildWheel(context, {
        ...build,
        prefix: network.prefix,
        env: { ...env, ...network.env },
        readOnly: [...rust.readOnly, ...network.readOnly]
      })
    ).finally(() => {
      environment.release()
    })
    if (outcome.kind === 'built') return done(undefined)
    if (outcome.kind === 'failed') return outcome
    if (round === MAX_REQUIREMENT_ROUNDS) return endless()
    requires = [...new Set([...requires, ...outcome.requires])]
    pins = []
  }
}

function endless(): Step<never> {
  return failed(
    'package',
    'endless-requirements',
    'its build backend wants more requirements each time it is asked'
  )
}
