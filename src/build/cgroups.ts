import { dirname, basename, join } from 'node:path'
import { messageOf } from '../core/errors.ts'
import type { Clock } from '../core/ports.ts'
import { kernelCgroupFiles, type CgroupFiles } from './cgroup-files.ts'

/** Where the node keeps itself, since a group with controllers for its children may hold no process. */
const SUPERVISOR = 'supervisor'
const PREFIX = 'build-'
/** Beside the node's 100: its own answers come first. */
const CPU_WEIGHT = '20'
/** bwrap's two processes, and the words before it. */
const PROCESSES_BESIDE = 8
/** Between two tries to remove a group whose processes are dying. */
const REMOVE_POLL_MS = 10
const REMOVE_TRIES = 200

export interface GroupLimits {
  readonly memoryBytes: number
  readonly processes: number
}

/** Whether the kernel itself can hold builds to their memory here, found by trying. */
export type CgroupVerdict =
  | { readonly kind: 'ready'; readonly groups: BuildGroups }
  | { readonly kind: 'absent'; readonly reason: string; readonly cure: string }

export interface CgroupParts {
  readonly clock: Clock
  readonly files?: CgroupFiles
  /** Where the kernel shows its groups. */
  readonly root?: string
  readonly self?: { readonly pid: number; readonly group: string }
}

/** The group of one run in a sandbox. */
export interface BuildGroup {
  /** The words before a command that put it, and all that comes from it, into the group. */
  readonly prefix: readonly string[]
  /** `true` once the kernel ended it for want of memory, which tells that apart from a crash. */
  ranOutOfMemory(): Promise<boolean>
  /** Ends all that is in it, daemons too. */
  kill(): Promise<void>
  /** Ends what is left and takes the group away. */
  close(): Promise<void>
}

/**
 * The control groups of a node that was given a part of the tree: by systemd (`Delegate=yes`), or by being alone in a group that it
 * may write to. research notes: sandbox §2.4; https://systemd.io/CGROUP_DELEGATION/
 */
export class BuildGroups {
  readonly #base: string
  readonly #files: CgroupFiles
  readonly #clock: Clock
  #made = 0

  constructor(base: string, { files = kernelCgroupFiles, clock }: CgroupParts) {
    this.#base = base
    this.#files = files
    this.#clock = clock
  }

  /** A fresh group with these limits. */
  async make({ memoryBytes, processes }: GroupLimits): Promise<BuildGroup> {
    const path = join(this.#base, `${PREFIX}${process.pid}-${this.#made++}`)
    await this.#files.make(path)
    try {
      await this.#files.write(join(path, 'memory.max'), String(memoryBytes))
      await this.#files.write(join(path, 'pids.max'), String(processes + PROCESSES_BESIDE))
      // All of a build or nothing of it: half a compiler run helps nobody.
      await this.#files.write(join(path, 'memory.oom.group'), '1')
      await this.#optional(path, 'memory.swap.max', '0')
      await this.#optional(path, 'cpu.weight', CPU_WEIGHT)
    } catch (error) {
      await this.#remove(path)
      throw error
    }
    return {
      prefix: ['sh', '-c', 'echo 0 > "$0" && exec "$@"', join(path, 'cgroup.procs')],
      ranOutOfMemory: async () => /^oom_kill [1-9]/m.test(await this.#read(path, 'memory.events')),
      kill: async () => this.#kill(path),
      close: async () => this.#remove(path)
    }
  }

  /** Ends and removes what a node that was killed left behind. */
  async sweep(): Promise<void> {
    for (const name of await this.#files.groups(this.#base))
      if (name.startsWith(PREFIX)) await this.#remove(join(this.#base, name))
  }

  /** Kernels without swap accounting, or without shares of CPU, lack the file. */
  async #optional(path: string, file: string, text: string): Promise<void> {
    await this.#files.write(join(path, file), text).catch(() => undefined)
  }

  async #read(path: string, file: string): Promise<string> {
    return this.#files.read(join(path, file)).catch(() => '')
  }

  /** Since Linux 5.14. */
  async #kill(path: string): Promise<void> {
    await this.#files.write(join(path, 'cgroup.kill'), '1').catch(() => undefined)
  }

  /** The kernel says EBUSY for a group until the last process in it is gone. */
  async #remove(path: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      await this.#kill(path)
      try {
        await this.#files.remove(path)
        return
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
        if (tries === REMOVE_TRIES) throw error
      }
      await this.#clock.sleep(REMOVE_POLL_MS)
    }
  }
}

/** Takes the node's part of the tree into use: moves the node aside, asks for the controllers, tries one group. */
export async function findCgroups(parts: CgroupParts): Promise<CgroupVerdict> {
  const { files = kernelCgroupFiles, root = '/sys/fs/cgroup' } = parts
  try {
    const self = parts.self ?? { pid: process.pid, group: await ownGroup(files) }
    const isAside = basename(self.group) === SUPERVISOR
    const base = join(root, isAside ? dirname(self.group) : self.group)
    const lack = await lackOf(files, base)
    if (lack !== undefined) return lack
    if (!isAside) {
      const others = (await pidsIn(files, base)).filter((pid) => pid !== self.pid)
      if (others.length > 0) return notAlone(others.length)
      await files.make(join(base, SUPERVISOR))
      await files.write(join(base, SUPERVISOR, 'cgroup.procs'), String(self.pid))
    }
    await files.write(join(base, 'cgroup.subtree_control'), '+memory +pids')
    await files.write(join(base, 'cgroup.subtree_control'), '+cpu').catch(() => undefined)
    const groups = new BuildGroups(base, parts)
    await groups.sweep()
    const tried = await groups.make({ memoryBytes: 2 ** 24, processes: 1 })
    await tried.close()
    return { kind: 'ready', groups }
  } catch (error) {
    return absent(`control groups cannot be used: ${messageOf(error)}`, SERVICE_CURE)
  }
}

const SERVICE_CURE =
  'run the node as a service (`commonwheel service install`), which is given groups of its own'
const MEMORY_CURE =
  'on a Raspberry Pi add `cgroup_enable=memory cgroup_memory=1` to the line in /boot/firmware/cmdline.txt and restart'

/** What keeps every node of this machine from {@link findCgroups}; changes nothing. */
export async function memoryGroupsLack(
  files: CgroupFiles = kernelCgroupFiles,
  root = '/sys/fs/cgroup'
): Promise<{ readonly reason: string; readonly cure: string } | undefined> {
  const lack = await lackOf(files, root)
  return lack?.kind === 'absent' ? lack : undefined
}

async function ownGroup(files: CgroupFiles): Promise<string> {
  return /^0::(.*)$/m.exec(await files.read('/proc/self/cgroup'))?.[1] ?? '/'
}

async function lackOf(files: CgroupFiles, base: string): Promise<CgroupVerdict | undefined> {
  const text = await files.read(join(base, 'cgroup.controllers')).catch(() => undefined)
  if (text === undefined)
    return absent('this machine has no unified control groups', 'a system with systemd 248 or newer has them')
  const there = new Set(text.trim().split(/\s+/))
  if (!there.has('memory')) return absent('the kernel has no memory control group to give', MEMORY_CURE)
  return there.has('pids') ? undefined : absent('the node was given no `pids` controller', SERVICE_CURE)
}

async function pidsIn(files: CgroupFiles, base: string): Promise<readonly number[]> {
  const text = await files.read(join(base, 'cgroup.procs'))
  return text.split('\n').flatMap((line) => (line === '' ? [] : [Number(line)]))
}

/** Moving strangers would take them from whoever manages them. */
function notAlone(others: number): CgroupVerdict {
  return absent(`${others} other processes are in the node’s control group`, SERVICE_CURE)
}

function absent(reason: string, cure: string): CgroupVerdict {
  return { kind: 'absent', reason, cure }
}
