import { totalmem } from 'node:os'
import type { Config } from '../config/load-config.ts'
import type { Job } from '../core/job.ts'
import type { BlobStore, Clock, Log, UpstreamIndex, WheelBuilder } from '../core/ports.ts'
import type { BuildLimits } from '../core/record.ts'
import type { Target } from '../core/target.ts'
import { compareTargets } from '../core/target.ts'
import { aloneAgain } from '../build/alone.ts'
import { createAptPackages } from '../build/apt-packages.ts'
import { BuildPlaceError, prepareBuildPlace } from '../build/build-place.ts'
import { createBuildRunner } from '../build/build-runner.ts'
import { createCanary, type Canary } from '../build/canary.ts'
import type { SandboxHost } from '../build/capture.ts'
import { findBuildUser } from '../build/build-user.ts'
import { findCgroups, type BuildGroups } from '../build/cgroups.ts'
import { failureCauses } from '../build/classify-failure.ts'
import { createWheelInspector } from '../build/inspect-wheel.ts'
import { createRequirementCaches } from '../build/requirement-caches.ts'
import { findRust } from '../build/rust-tools.ts'
import { probeSandbox } from '../build/sandbox-probe.ts'
import { InstalledPackages, toolchainPackages } from '../build/toolchain.ts'
import { findInterpreters, pythonText, type RefusedPython } from './find-interpreters.ts'
import type { PackageList } from './package-watch.ts'
import { coresOf, limitsAlone, limitsOf } from './describe-machine.ts'

export interface BuilderParts {
  readonly upstream: UpstreamIndex
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly log: Log
  /** This node's own index, for the build requirements of a job. */
  readonly indexUrl: (job: Job) => string
  /** Whether what that answers may be used for other jobs, too. */
  readonly mayRemember?: (job: Job) => boolean
  readonly onProgress: (line: string) => void
}

export interface BuilderSetup {
  readonly builder: WheelBuilder | undefined
  /** A builder of the same kind whose wheels and logs go elsewhere. */
  readonly builderInto?: (blobs: BlobStore) => WheelBuilder
  readonly targets: readonly Target[]
  /** Why this node does not build, and what would change that. */
  readonly refusal: string | undefined
  /** Interpreters that were named, or found, and that nothing is built for. */
  readonly refusedPythons?: readonly RefusedPython[]
  /** What of the system's packages its builds find; absent: it does not say. */
  readonly packages?: PackageList
  /** Where builds happen. */
  readonly buildRoot?: string
  /** Why the sandbox does not run any more, if so. */
  readonly trySandbox?: () => Promise<string | undefined>
  /** Shows that builds work here before any is asked for; absent: nothing is shown. */
  readonly canary?: Canary
}

const GiB = 1024 ** 3

/** Finds out by trying what this machine can build; a machine that cannot build serves and relays all the same. */
export async function setupBuilder(config: Config, parts: BuilderParts): Promise<BuilderSetup> {
  if (!config.roles.includes('build')) return { builder: undefined, targets: [], refusal: undefined }
  const causes = failureCauses(config.dataDir)
  const user = await findBuildUser(config.buildUser)
  const place = await prepareBuildPlace(config.dataDir, user, config.buildDir).catch(unusablePlace)
  if (typeof place === 'string') return refused(place)
  const { clock } = parts
  const host = { place, user, clock, ...(await groupsOf(parts)) }
  const sandbox = await probeSandbox(host)
  if (sandbox.kind === 'refused') return refused(`${sandbox.reason}; cure: ${sandbox.cure}`)
  const { interpreters, refusedPythons } = await findInterpreters(config.pythons, host, parts.onProgress)
  if (interpreters.length === 0)
    return { ...refused(refusedPythons.map(pythonText).join(' | ')), refusedPythons }
  const rust = await findRust(config.build.rust, host)
  if (rust.kind === 'absent' && config.build.rust !== '')
    parts.onProgress(`${rust.reason}; cure: ${rust.cure}`)
  const { upstream, log } = parts
  const inspectWheel = createWheelInspector(createAptPackages())
  const caches = createRequirementCaches(host)
  const builderInto = (
    blobs: BlobStore,
    from: UpstreamIndex = upstream,
    limits: BuildLimits = limitsOf(config)
  ): WheelBuilder =>
    createBuildRunner(
      { host, upstream: from, blobs, log, inspectWheel, caches },
      {
        interpreters,
        indexUrl: parts.indexUrl,
        ...(parts.mayRemember !== undefined && { mayRemember: parts.mayRemember }),
        rust,
        network: config.build.network,
        causes,
        sandboxLevel: sandbox.level,
        parallelism: parallelism(config),
        limits: { ...config.build, ...limits }
      }
    )
  const builder = withAlone(config, (limits) => builderInto(parts.blobs, upstream, limits))
  const targets = interpreters.map(({ target }) => target).sort(compareTargets)
  const packages = listedPackages(causes.packages)
  const canary = createCanary({
    builder: ({ blobs, upstream: from }) => builderInto(blobs, from),
    interpreters,
    packages: () => packages.names()
  })
  return {
    builder,
    builderInto,
    targets,
    refusal: undefined,
    refusedPythons,
    packages,
    buildRoot: place.root,
    trySandbox: () => sandboxTrouble(host),
    canary
  }
}

/** Of the system's packages those that a build may lack. */
function listedPackages(ofCauses: Iterable<string>): InstalledPackages {
  return new InstalledPackages([...toolchainPackages().map(({ name }) => name), ...ofCauses])
}

async function sandboxTrouble(host: SandboxHost): Promise<string | undefined> {
  const verdict = await probeSandbox(host)
  return verdict.kind === 'refused' ? `${verdict.reason}; cure: ${verdict.cure}` : undefined
}

/** With more than one slot, a build may have the memory of all when it needs it and is alone. */
function withAlone(config: Config, builderWith: (limits: BuildLimits) => WheelBuilder): WheelBuilder {
  const [share, limits] = [limitsOf(config), limitsAlone(config)]
  const beside = builderWith(share)
  if (limits.memoryBytes <= share.memoryBytes) return beside
  return aloneAgain({ beside, alone: builderWith(limits), limits })
}

/** The kernel's hold on builds, where this node is given one. */
async function groupsOf({ clock, onProgress }: BuilderParts): Promise<{ readonly groups?: BuildGroups }> {
  const cgroups = await findCgroups({ clock })
  if (cgroups.kind === 'ready') return { groups: cgroups.groups }
  onProgress(`builds are watched for their memory, not held: ${cgroups.reason}; cure: ${cgroups.cure}`)
  return {}
}

/** Why builds cannot happen where the owner wants them; other errors are nobody's choice. */
function unusablePlace(error: unknown): string {
  if (!(error instanceof BuildPlaceError)) throw error
  const { folder, cure } = error.detail
  return `builds cannot happen in ${folder}; cure: ${cure}`
}

/** Cores shared by the builds that may run at once, and no more than one compiler for each GiB: more is swapping. */
function parallelism(config: Config): number {
  return Math.max(1, Math.floor(Math.min(coresOf(config), totalmem() / GiB) / config.slots))
}

function refused(refusal: string): BuilderSetup {
  return { builder: undefined, targets: [], refusal: refusal.slice(0, 1_000) }
}
