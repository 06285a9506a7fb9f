import { KILL_GRACE_MS } from '../core/limits.ts'
import type { Clock } from '../core/ports.ts'
import { BuildLog } from './build-log.ts'
import { makeWorkFolder, removeTree, type BuildPlace } from './build-place.ts'
import type { BuildUser } from './build-user.ts'
import type { BuildGroups } from './cgroups.ts'
import { readHostFacts } from './host-facts.ts'
import { launch, type Ending } from './launch.ts'
import { INSIDE, type Bind } from './sandbox.ts'
import { baseEnvironment } from './sandbox-env.ts'
import type { LaunchLimits } from './watch-limits.ts'

const MiB = 1024 * 1024

/** What starting a sandbox needs of this machine. */
export interface SandboxHost {
  readonly place: BuildPlace
  readonly user: BuildUser
  readonly clock: Clock
  readonly groups?: BuildGroups | undefined
}

/** Enough for questions to an interpreter on the slowest Pi, short enough for a start of the node. */
const PROBE_LIMITS: LaunchLimits = {
  wallMs: 60_000,
  silenceMs: 60_000,
  memoryBytes: 512 * MiB,
  diskBytes: 64 * MiB,
  processes: 64,
  minFreeBytes: 0,
  pollMs: 500,
  killGraceMs: KILL_GRACE_MS
}
const PROBE_OUTPUT_BYTES = MiB

export interface Captured {
  readonly ending: Ending
  readonly output: string
}

/** Runs a short trusted command in a sandbox exactly like a build's and gives what it said. */
export async function capture(
  host: SandboxHost,
  command: readonly string[],
  readOnly: readonly Bind[] = []
): Promise<Captured> {
  const work = await makeWorkFolder(host.place, host.user)
  try {
    const bounds = { maxBytes: PROBE_OUTPUT_BYTES, headBytes: PROBE_OUTPUT_BYTES, tailBytes: 0 }
    const log = await BuildLog.create(work.log, bounds)
    const plan = {
      facts: await readHostFacts(),
      etcFolder: host.place.etc,
      work: work.build,
      readOnly,
      network: false,
      env: baseEnvironment(),
      cwd: INSIDE.work,
      command
    }
    try {
      const signal = new AbortController().signal
      const ending = await launch(host, plan, { limits: PROBE_LIMITS, log, signal })
      return { ending, output: await log.tail(PROBE_OUTPUT_BYTES) }
    } finally {
      await log.close()
    }
  } finally {
    await removeTree(work.path)
  }
}
