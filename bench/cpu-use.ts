import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** CPU time of this process and everything that it starts, also of what daemonises: by a control group of its own. */
export interface CpuUse {
  /** Milliseconds so far. */
  ms(): Promise<number>
  close(): Promise<void>
}

const MOUNTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']

/** Undefined where this user may make no control group. */
export async function openCpuUse(name: string): Promise<CpuUse | undefined> {
  for (const mount of MOUNTS) {
    const folder = join(mount, `${name}-${process.pid}`)
    try {
      await access(join(mount, 'cgroup.procs'))
      await mkdir(folder)
      await writeFile(join(folder, 'cgroup.procs'), String(process.pid))
    } catch {
      continue
    }
    return {
      ms: async () =>
        Number(/^usage_usec (\d+)/m.exec(await readFile(join(folder, 'cpu.stat'), 'utf8'))?.[1]) / 1000,
      close: async () => {
        await writeFile(join(mount, 'cgroup.procs'), String(process.pid))
        await rmdir(folder)
      }
    }
  }
  return undefined
}
