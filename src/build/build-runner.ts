import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { sha256Hex } from '../core/digest.ts'
import type { BuildPhase, BuildReport, BuildRequest, Log, WheelBuilder } from '../core/ports.ts'
import type { BlobRef } from '../core/record.ts'
import { BuildLog } from './build-log.ts'
import { resolveOptions, type BuildRunnerOptions, type ResolvedOptions } from './build-options.ts'
import { makeWorkFolder, removeTree, type WorkFolder } from './build-place.ts'
import { runBuildSteps, type StepParts } from './build-steps.ts'
import type { SandboxHost } from './capture.ts'
import { hostFailure } from './classify-failure.ts'
import { once, type BuiltWheels } from './finish-wheels.ts'
import { environmentOf, readCompiler, readOs } from './environment.ts'
import { readHostFacts } from './host-facts.ts'
import type { Interpreter } from './probe-interpreter.ts'
import { createRequirementCaches, type RequirementCaches } from './requirement-caches.ts'
import { smokeTest } from './smoke-test.ts'
import type { Step } from './step.ts'
import { isDiskLow } from './watch-limits.ts'

export interface BuildRunnerParts extends Omit<StepParts, 'caches' | 'smokeTest'> {
  readonly host: SandboxHost
  /** Of the host's place; two runners in one place must share them. */
  readonly caches?: RequirementCaches
  readonly log: Log
}

type WholeParts = BuildRunnerParts & StepParts

const gzipAsync = promisify(gzip)

/** Builds wheels from sdists in sandboxes of this machine, one a call, as many at once as are called. */
export function createBuildRunner(parts: BuildRunnerParts, options: BuildRunnerOptions): WheelBuilder {
  const resolved = resolveOptions(options)
  const whole = { smokeTest, caches: createRequirementCaches(parts.host), ...parts }
  return {
    build: async (request, told) => {
      const { signal } = told
      signal.throwIfAborted()
      const onPhase = (phase: BuildPhase): void => {
        told.onPhase(phase)
      }
      const interpreter = resolved.interpreters.find(({ target }) => target.id === request.job.target)
      if (interpreter === undefined)
        throw new TypeError(`no interpreter for ${request.job.target} on this node`)
      const onRequirements = (lines: readonly string[]): void => told.onRequirements?.(lines)
      return runBuild(whole, resolved, { request, interpreter, signal, onPhase, onRequirements })
    }
  }
}

interface OneBuild {
  readonly request: BuildRequest
  readonly interpreter: Interpreter
  readonly signal: AbortSignal
  readonly onPhase: (phase: BuildPhase) => void
  readonly onRequirements: (lines: readonly string[]) => void
}

interface Outcome {
  readonly step: Step<BuiltWheels>
  readonly packedLog: Uint8Array
  readonly requirements: readonly string[]
  readonly network?: readonly string[] | undefined
}

async function runBuild(parts: WholeParts, options: ResolvedOptions, build: OneBuild): Promise<BuildReport> {
  const { clock } = parts.host
  const startMs = clock.monotonicMs()
  const [compiler, os] = await Promise.all([readCompiler(), readOs()])
  const { step, packedLog, requirements, network } = await inWorkFolder(parts, options, build)
  build.signal.throwIfAborted()
  const { interpreter } = build
  return {
    ...(step.kind === 'done' ? step.value : { failure: step.failure }),
    log: await storeLog(parts, packedLog),
    durationMs: Math.round(clock.monotonicMs() - startMs),
    environment: environmentOf({
      interpreter,
      compiler,
      os,
      sandboxLevel: options.sandboxLevel,
      requirements,
      network
    })
  }
}

/** Gives the build folders of its own and takes them away however it ends. */
async function inWorkFolder(parts: WholeParts, options: ResolvedOptions, build: OneBuild): Promise<Outcome> {
  const { place, user } = parts.host
  let work: WorkFolder | undefined
  try {
    work = await makeWorkFolder(place, user)
    const log = await BuildLog.create(work.log, options.logBounds)
    try {
      return await inLog(parts, options, { ...build, work, log })
    } finally {
      await log.close()
    }
  } catch (error) {
    build.signal.throwIfAborted()
    const failure = hostFailure(error)
    return {
      step: { kind: 'failed', failure },
      packedLog: await gzipAsync(`== ${failure.reason}\n`),
      requirements: []
    }
  } finally {
    if (work !== undefined) await removeWork(parts.log, work)
  }
}

interface LoggedBuild extends OneBuild {
  readonly work: WorkFolder
  readonly log: BuildLog
}

async function inLog(parts: WholeParts, options: ResolvedOptions, build: LoggedBuild): Promise<Outcome> {
  const { work, log, request, interpreter, signal } = build
  const { host } = parts
  let requirements: readonly string[] = []
  let network: readonly string[] | undefined
  await writeHeader(log, build, options)
  const context = {
    host,
    facts: await readHostFacts(),
    work,
    log,
    limits: options.limits,
    causes: options.causes,
    interpreter,
    signal
  }
  const startMs = host.clock.monotonicMs()
  const step = await runBuildSteps(parts, {
    context: { ...context, deadlineMs: startMs + options.limits.wallMs },
    request,
    options,
    onPhase: async (phase) => {
      signal.throwIfAborted()
      await log.line(`phase: ${phase}, after ${Math.round(host.clock.monotonicMs() - startMs)} ms`)
      build.onPhase(phase)
    },
    onRequirements: (lines) => {
      requirements = lines
      build.onRequirements(lines)
    },
    onNetwork: (hosts) => {
      network = [...new Set([...(network ?? []), ...hosts])].sort()
    }
  }).catch((error: unknown): Step<never> => {
    signal.throwIfAborted()
    return { kind: 'failed', failure: hostFailure(error) }
  })
  const judged = await withDiskCause(step, work, options)
  for (const line of requirements) await log.line(`requirement: ${line}`)
  await log.line(judged.kind === 'done' ? wheelsText(judged.value) : textOf(judged))
  return { step: judged, packedLog: await log.pack(), requirements, network }
}

/** A build that says "no space left" on a full machine is not to blame. */
async function withDiskCause(
  step: Step<BuiltWheels>,
  work: WorkFolder,
  { limits }: ResolvedOptions
): Promise<Step<BuiltWheels>> {
  if (step.kind === 'done' || step.failure.cause !== 'disk-limit') return step
  if (!(await isDiskLow(work.path, limits.minFreeBytes))) return step
  const reason = 'this node’s disk ran full during the build'
  return { kind: 'failed', failure: { class: 'infra', cause: 'disk-full', reason } }
}

async function writeHeader(
  log: BuildLog,
  { request, interpreter }: OneBuild,
  options: ResolvedOptions
): Promise<void> {
  const { project, version, target, sdist } = request.job
  await log.line(`job: ${project}==${version} for ${target}`)
  await log.line(`sdist: ${sdist.filename} sha256:${sdist.sha256}`)
  await log.line(`python: ${interpreter.version}, pip ${interpreter.pipVersion}`)
  const { memoryBytes, diskBytes, processes, wallMs, silenceMs } = options.limits
  await log.line(`sandbox level ${options.sandboxLevel}, ${options.parallelism} at once`)
  await log.line(`limits: ${JSON.stringify({ memoryBytes, diskBytes, processes, wallMs, silenceMs })}`)
}

function wheelsText({ wheel, retagged }: BuiltWheels): string {
  const wheels = [wheel, ...(retagged === undefined ? [] : [retagged.wheel])]
  return wheels.map(({ filename, sha256 }) => `wheel: ${filename} sha256:${sha256}`).join('; ')
}

function textOf(step: Step<unknown> & { readonly kind: 'failed' }): string {
  const { failure } = step
  return `failure: ${failure.class}/${failure.cause}: ${failure.reason}`
}

async function removeWork(log: Log, work: WorkFolder): Promise<void> {
  await removeTree(work.path).catch((error: unknown) => {
    log.warn('a work folder could not be removed', { path: work.path, error: String(error) })
  })
}

/** A report must name its log even when this machine can no longer keep it. */
async function storeLog({ blobs, log }: WholeParts, packed: Uint8Array): Promise<BlobRef> {
  try {
    const { digest, size } = await blobs.write(once(packed))
    return { sha256: digest, size }
  } catch (error) {
    log.error('a build log could not be stored', { error: String(error) })
    return { sha256: sha256Hex(packed), size: packed.byteLength }
  }
}
