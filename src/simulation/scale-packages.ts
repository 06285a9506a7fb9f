import { normalizeName } from '../core/distribution.ts'
import { sha256Hex } from '../core/digest.ts'
import type { JobId, ProjectName, TargetId } from '../core/ids.ts'
import type { BuildReport } from '../core/ports.ts'
import type { WheelRef } from '../core/record.ts'
import { parseTarget } from '../core/target.ts'
import { Dice } from './seeded-random.ts'

/*
 * What piwheels built until September 2017, drawn anew: Ben Nuttall's figures of the second run (752,817 versions, 570,648 built,
 * 156 d 18 h of building) and of the first one (1,393 compiled wheels of 81,180). docs/scale.md
 */

/** Versions that piwheels 2017 tried to build. */
export const PIWHEELS_VERSIONS = 752_817
/** Of projects: 106,574 in April 2017. */
const VERSIONS_PER_PROJECT = PIWHEELS_VERSIONS / 106_574
const BUILT_SHARE = 0.76
/** Of what was built. */
const COMPILED_SHARE = 1_393 / 81_180
const MEAN_BUILD_MS = 18_000
/** Of the logarithm: with the mean it makes the median four seconds. */
const BUILD_SIGMA = 1.73
const MAX_BUILD_MS = 7 * 60 * 60_000

type VersionKind = 'pure' | 'compiled' | 'failed'

interface DrawnVersion {
  readonly kind: VersionKind
  readonly durationMs: number
}

export interface DrawnProject {
  readonly project: ProjectName
  readonly versions: readonly string[]
}

const ENVIRONMENT: BuildReport['environment'] = {
  digest: sha256Hex('an environment'),
  python: 'CPython',
  compiler: 'gcc',
  os: 'simulated',
  sandboxLevel: 2,
  requirements: []
}
const LOG = { sha256: sha256Hex('a log'), size: 1 } as const

/** The versions of a run: how long each builds and what comes of it, the same on every target. */
export class ScalePackages {
  readonly projects: readonly DrawnProject[]
  readonly count: number
  readonly #drawn = new Map<string, DrawnVersion>()
  readonly #targets: readonly TargetId[]

  constructor(count: number, targets: readonly TargetId[], seed: number) {
    const dice = new Dice(seed, 'packages')
    const projects: DrawnProject[] = []
    this.count = count
    this.#targets = targets
    for (let left = count; left > 0; left -= projects.at(-1)?.versions.length ?? left) {
      const size = Math.min(left, 1 + Math.floor(dice.exponential(VERSIONS_PER_PROJECT - 0.5)))
      const project = normalizeName(`project-${projects.length}`)
      const versions = Array.from({ length: size }, (_, at) => `1.${at}`)
      for (const version of versions) this.#drawn.set(`${project}==${version}`, draw(dice))
      projects.push({ project, versions })
    }
    this.projects = projects
  }

  /** Builds that the cascade asks for, one of a pure version and one on each target of any other. */
  expectedBuilds(): number {
    return this.#sum(() => 1)
  }

  expectedWorkMs(): number {
    return this.#sum(({ durationMs }) => durationMs)
  }

  longestMs(): number {
    return this.#fold((longest, { durationMs }) => Math.max(longest, durationMs))
  }

  /** As drawn: that the run is the one that was asked for can be seen. */
  facts(): {
    readonly meanMs: number
    readonly medianMs: number
    readonly compiled: number
    readonly failed: number
  } {
    const all = [...this.#drawn.values()]
    const durations = all.map(({ durationMs }) => durationMs).sort((a, b) => a - b)
    return {
      meanMs: durations.reduce((sum, one) => sum + one, 0) / Math.max(1, durations.length),
      medianMs: durations[Math.floor(durations.length / 2)] ?? 0,
      compiled: all.filter(({ kind }) => kind === 'compiled').length,
      failed: all.filter(({ kind }) => kind === 'failed').length
    }
  }

  durationMs(job: JobId): number {
    return this.#of(job).durationMs
  }

  /** From the end of this build until nothing more of its version is to be built, if nobody ever waits. */
  afterwardsMs(job: JobId): number {
    const { kind, durationMs } = this.#of(job)
    const later = this.#targets.length - 1 - this.#targets.indexOf(targetOf(job))
    if (kind === 'pure') return 0
    return kind === 'failed' ? later * durationMs : Math.min(1, later) * durationMs
  }

  report(job: JobId): BuildReport {
    const { kind, durationMs } = this.#of(job)
    const rest = { log: LOG, durationMs, environment: ENVIRONMENT }
    if (kind === 'failed')
      return { ...rest, failure: { class: 'package', cause: 'compile-error', reason: 'it does not compile' } }
    return { ...rest, wheel: wheelOf(job, kind) }
  }

  #of(job: JobId): DrawnVersion {
    const drawn = this.#drawn.get(job.slice(0, job.lastIndexOf('@')))
    if (drawn === undefined) throw new TypeError(`${job} was not drawn`)
    return drawn
  }

  #sum(of: (version: DrawnVersion) => number): number {
    return this.#fold(
      (sum, version) => sum + of(version) * (version.kind === 'pure' ? 1 : this.#targets.length)
    )
  }

  #fold(step: (value: number, version: DrawnVersion) => number): number {
    let value = 0
    for (const version of this.#drawn.values()) value = step(value, version)
    return value
  }
}

function draw(dice: Dice): DrawnVersion {
  const median = MEAN_BUILD_MS / Math.exp(BUILD_SIGMA ** 2 / 2)
  const durationMs = Math.min(MAX_BUILD_MS, median * Math.exp(BUILD_SIGMA * normal(dice)))
  if (!dice.chance(BUILT_SHARE)) return { kind: 'failed', durationMs }
  return { kind: dice.chance(COMPILED_SHARE) ? 'compiled' : 'pure', durationMs }
}

/** Box and Muller. */
function normal(dice: Dice): number {
  const radius = Math.sqrt(-2 * Math.log(1 - dice.random.float()))
  return radius * Math.cos(2 * Math.PI * dice.random.float())
}

function targetOf(job: JobId): TargetId {
  return job.slice(job.lastIndexOf('@') + 1) as TargetId
}

function wheelOf(job: JobId, kind: VersionKind): WheelRef {
  const { python, platform } = parseTarget(targetOf(job))
  const [project = '', version = ''] = job.slice(0, job.lastIndexOf('@')).split('==')
  const tag = kind === 'pure' ? 'py3-none-any' : `${python}-${python}-${platform}`
  const sha256 = sha256Hex(job)
  return {
    filename: `${project.replaceAll('-', '_')}-${version}-${tag}.whl`,
    sha256,
    size: 1,
    metadata: sha256,
    metadataSize: 1,
    requiresPython: '',
    aptPackages: [],
    glibcFloor: ''
  }
}
