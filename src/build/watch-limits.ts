import { statfs } from 'node:fs/promises'
import type { Clock } from '../core/ports.ts'
import type { BuildLog } from './build-log.ts'
import { memoryOf, readProcessTree } from './process-tree.ts'
import { runTool } from './run-tool.ts'

/** The bounds of one sandbox run. */
export interface LaunchLimits {
  readonly wallMs: number
  /** Without output and without CPU time for this long, it waits for something that will not come. */
  readonly silenceMs: number
  readonly memoryBytes: number
  readonly diskBytes: number
  readonly processes: number
  /** Free space of the file system below which the node needs it for itself. */
  readonly minFreeBytes: number
  /** Between two looks at a running build. */
  readonly pollMs: number
  /** Between TERM and KILL. */
  readonly killGraceMs: number
}

/** Why a run was ended by us. `host-disk`: the machine ran full although the build kept within its own bound. */
export type Breach = 'wall' | 'silence' | 'memory' | 'disk' | 'log' | 'host-disk'

export interface Watched {
  readonly pid: number
  readonly work: string
  readonly log: BuildLog
  readonly clock: Clock
  readonly limits: LaunchLimits
}

/** du may take long on a slow card: it gets at most this share of the time. */
const DISK_POLL_SHARE = 10

/** Looks at a run until `ended` is aborted; gives the first limit that it broke. */
export async function watchLimits(watched: Watched, ended: AbortSignal): Promise<Breach | undefined> {
  const checks = [wallCheck(watched), logCheck(watched), silenceAndMemoryCheck(watched), diskCheck(watched)]
  for (;;) {
    if (await endedWithin(watched, ended)) return undefined
    for (const check of checks) {
      const breach = await check()
      if (breach !== undefined) return breach
    }
  }
}

type Check = () => Promise<Breach | undefined>

async function endedWithin({ clock, limits }: Watched, ended: AbortSignal): Promise<boolean> {
  if (!ended.aborted) await clock.sleep(limits.pollMs, { signal: ended }).catch(() => undefined)
  return ended.aborted
}

function wallCheck({ clock, limits }: Watched): Check {
  const deadlineMs = clock.monotonicMs() + limits.wallMs
  return async () => (clock.monotonicMs() >= deadlineMs ? 'wall' : undefined)
}

function logCheck({ log }: Watched): Check {
  return async () => (log.isFull ? 'log' : undefined)
}

function silenceAndMemoryCheck({ pid, log, clock, limits }: Watched): Check {
  let quietSinceMs = clock.monotonicMs()
  let lastSign = ''
  return async () => {
    const tree = await readProcessTree(pid)
    const sign = `${log.size} ${tree.cpuTicks}`
    if (sign !== lastSign) quietSinceMs = clock.monotonicMs()
    lastSign = sign
    if (clock.monotonicMs() - quietSinceMs >= limits.silenceMs) return 'silence'
    return (await memoryOf(tree.pids, limits.memoryBytes)) > limits.memoryBytes ? 'memory' : undefined
  }
}

function diskCheck({ work, clock, limits }: Watched): Check {
  let nextMs = 0
  return async () => {
    if (await isDiskLow(work, limits.minFreeBytes)) {
      return (await usedBytes(work)) > limits.diskBytes ? 'disk' : 'host-disk'
    }
    const startMs = clock.monotonicMs()
    if (startMs < nextMs) return undefined
    const used = await usedBytes(work)
    nextMs = clock.monotonicMs() + (clock.monotonicMs() - startMs) * DISK_POLL_SHARE
    return used > limits.diskBytes ? 'disk' : undefined
  }
}

/** `true` when the file system of `path` has less than this left, or no inodes. */
export async function isDiskLow(path: string, minFreeBytes: number): Promise<boolean> {
  const { bavail, bsize, files, ffree } = await statfs(path)
  return bavail * bsize < minFreeBytes || (files > 0 && ffree === 0)
}

/** du walks by open folders and never follows links, whatever the build does to its tree meanwhile. */
async function usedBytes(folder: string): Promise<number> {
  const { stdout } = await runTool('du', ['-skx', '--', folder])
  return Number(/^(\d+)/.exec(stdout)?.[1] ?? 0) * 1024
}
