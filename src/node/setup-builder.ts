import { availableParallelism, totalmem } from 'node:os'
import type { Config } from '../config/load-config.ts'
import type { Job } from '../core/job.ts'
import type { BlobStore, Clock, Log, UpstreamIndex, WheelBuilder } from '../core/ports.ts'
import type { Target } from '../core/target.ts'
import { compareTargets } from '../core/target.ts'
import { createAptPackages } from '../build/apt-packages.ts'
import { prepareBuildPlace } from '../build/build-place.ts'
import { createBuildRunner } from '../build/build-runner.ts'
import { findBuildUser } from '../build/build-user.ts'
import { createWheelInspector } from '../build/inspect-wheel.ts'
import { probeInterpreter, type Interpreter } from '../build/probe-interpreter.ts'
import { probeSandbox } from '../build/sandbox-probe.ts'

export interface BuilderParts {
  readonly upstream: UpstreamIndex
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly log: Log
  /** This node's own index, for the build requirements of a job. */
  readonly indexUrl: (job: Job) => string
  readonly onProgress: (line: string) => void
}

export interface BuilderSetup {
  readonly builder: WheelBuilder | undefined
  readonly targets: readonly Target[]
  /** Why this node does not build, and what would change that. */
  readonly refusal: string | undefined
}

const GiB = 1024 ** 3

/** Finds out by trying what this machine can build; a machine that cannot build serves and relays all the same. */
export async function setupBuilder(config: Config, parts: BuilderParts): Promise<BuilderSetup> {
  if (!config.roles.includes('build')) return { builder: undefined, targets: [], refusal: undefined }
  const user = await findBuildUser(config.buildUser)
  const host = { place: await prepareBuildPlace(config.dataDir, user), user, clock: parts.clock }
  const sandbox = await probeSandbox(host)
  if (sandbox.kind === 'refused') return refused(`${sandbox.reason}; cure: ${sandbox.cure}`)
  const interpreters: Interpreter[] = []
  const refusals: string[] = []
  for (const path of config.pythons.length > 0 ? config.pythons : ['python3']) {
    parts.onProgress(`looking at ${path}`)
    const verdict = await probeInterpreter(path, host)
    if (verdict.kind === 'ready') {
      interpreters.push(verdict.interpreter)
      for (const warning of verdict.interpreter.warnings) parts.onProgress(`${path}: ${warning}`)
    } else {
      refusals.push(`${path}: ${verdict.reason}; cure: ${verdict.cure}`)
      parts.onProgress(`${path} cannot be used: ${verdict.reason}; cure: ${verdict.cure}`)
    }
  }
  if (interpreters.length === 0) return refused(refusals.join(' | '))
  const builder = createBuildRunner(
    {
      host,
      upstream: parts.upstream,
      blobs: parts.blobs,
      log: parts.log,
      inspectWheel: createWheelInspector(createAptPackages())
    },
    {
      interpreters,
      indexUrl: parts.indexUrl,
      sandboxLevel: sandbox.level,
      parallelism: parallelism(config.slots),
      limits: config.build
    }
  )
  const targets = interpreters.map(({ target }) => target).sort(compareTargets)
  return { builder, targets, refusal: undefined }
}

/** Cores shared by the builds that may run at once, and no more than one compiler for each GiB: more is swapping. */
function parallelism(slots: number): number {
  return Math.max(1, Math.floor(Math.min(availableParallelism(), totalmem() / GiB) / slots))
}

function refused(refusal: string): BuilderSetup {
  return { builder: undefined, targets: [], refusal: refusal.slice(0, 1_000) }
}
