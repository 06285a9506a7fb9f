import {
  BUILD_DISK_BYTES,
  BUILD_MEMORY_BYTES,
  BUILD_PROCESSES,
  BUILD_SILENCE_MS,
  BUILD_WALL_MS,
  KILL_GRACE_MS,
  LOG_HEAD_BYTES,
  LOG_MAX_BYTES,
  LOG_TAIL_BYTES,
  MAX_BLOB_BYTES,
  MAX_SDIST_BYTES,
  MAX_SDIST_MEMBERS,
  MAX_SDIST_UNPACKED_BYTES
} from '../core/limits.ts'
import type { FailureCauses } from '../core/failure-causes.ts'
import type { Job } from '../core/job.ts'
import type { LogBounds } from './build-log.ts'
import { failureCauses } from './classify-failure.ts'
import type { Interpreter } from './probe-interpreter.ts'
import type { ProxyRules } from './network-proxy.ts'
import { NO_RUST, type RustVerdict } from './rust-tools.ts'
import type { UnpackBounds } from './unpack-target.ts'
import type { LaunchLimits } from './watch-limits.ts'

const MiB = 1024 * 1024
/** A node whose disk has less than this left needs it for its own records. */
const MIN_FREE_BYTES = 256 * MiB
/** Two seconds late is early enough for every limit, and costs a Pi nothing. */
const POLL_MS = 2_000

export interface BuildRunnerOptions {
  readonly interpreters: readonly Interpreter[]
  /** The simple index for build requirements, this node's own: asked for each build, since its port may not be known before. */
  readonly indexUrl: (job: Job) => string
  /** Whether what that index answers for this job may be used again for others; not when it changes by the minute. */
  readonly mayRemember?: (job: Job) => boolean
  readonly sandboxLevel: number
  /** By which failures are named; the shipped ones unless said. */
  readonly causes?: FailureCauses
  /** Processes that one build should start at once: cores of the machine over builds at once, no more than GiB of memory. */
  readonly parallelism?: number
  /** Where certificate and proxy settings for fetching requirements are taken from. */
  readonly machine?: Readonly<Record<string, string | undefined>>
  /** The Rust that builds use; none unless said. */
  readonly rust?: RustVerdict
  /** `name=host`: which projects' builds may reach which hosts (network-policy.ts). */
  readonly network?: readonly string[]
  /** How the proxy of such builds looks names up, and what it takes for public. */
  readonly proxy?: Partial<Pick<ProxyRules, 'resolve' | 'isPublic' | 'ports'>>
  readonly limits?: Partial<LaunchLimits>
  readonly logBounds?: LogBounds
  readonly unpackBounds?: UnpackBounds
  readonly maxSdistBytes?: number
  readonly maxWheelBytes?: number
}

export type ResolvedOptions = Required<Omit<BuildRunnerOptions, 'limits'>> & { readonly limits: LaunchLimits }

const DEFAULT_LIMITS: LaunchLimits = {
  wallMs: BUILD_WALL_MS,
  silenceMs: BUILD_SILENCE_MS,
  memoryBytes: BUILD_MEMORY_BYTES,
  diskBytes: BUILD_DISK_BYTES,
  processes: BUILD_PROCESSES,
  minFreeBytes: MIN_FREE_BYTES,
  pollMs: POLL_MS,
  killGraceMs: KILL_GRACE_MS
}

/** Fills in the bounds of core/limits.ts. */
export function resolveOptions(options: BuildRunnerOptions): ResolvedOptions {
  return {
    parallelism: 1,
    causes: failureCauses(),
    machine: process.env,
    mayRemember: () => true,
    rust: NO_RUST,
    network: [],
    proxy: {},
    logBounds: { maxBytes: LOG_MAX_BYTES, headBytes: LOG_HEAD_BYTES, tailBytes: LOG_TAIL_BYTES },
    unpackBounds: { maxBytes: MAX_SDIST_UNPACKED_BYTES, maxMembers: MAX_SDIST_MEMBERS },
    maxSdistBytes: MAX_SDIST_BYTES,
    maxWheelBytes: MAX_BLOB_BYTES,
    ...options,
    limits: { ...DEFAULT_LIMITS, ...options.limits }
  }
}
