import { readdir, readFile } from 'node:fs/promises'

/** A process as /proc/PID/stat tells it. */
interface ProcessStat {
  readonly pid: number
  readonly parent: number
  readonly ended: boolean
  /** Its own CPU time and that of children it has waited for, in clock ticks. */
  readonly cpuTicks: number
}

/** The processes below one, itself included. */
export interface ProcessTree {
  readonly pids: readonly number[]
  /** Grows while anything in the tree computes. */
  readonly cpuTicks: number
}

/** Reads the tree below `root`: bwrap's reaper adopts every daemon of a build, so nothing of it is elsewhere. */
export async function readProcessTree(root: number): Promise<ProcessTree> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = (await Promise.all(names.map(async (name) => readStat(Number(name))))).filter(
    (stat) => stat !== undefined
  )
  const children = groupByParent(stats)
  const tree = stats.filter((stat) => stat.pid === root)
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i]?.pid ?? -1) ?? []))
  return {
    pids: tree.filter((stat) => !stat.ended).map((stat) => stat.pid),
    cpuTicks: tree.reduce((sum, stat) => sum + stat.cpuTicks, 0)
  }
}

/** `true` while the process is there and not a zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readStat(pid)
  return stat !== undefined && !stat.ended
}

/** Threads that run as a user, which is what RLIMIT_NPROC counts. */
export async function countTasks(uid: number): Promise<number> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const counts = await Promise.all(
    names.map(async (name) => {
      const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '')
      const owner = /^Uid:\t(\d+)/m.exec(status)?.[1]
      return owner === String(uid) ? Number(/^Threads:\t(\d+)/m.exec(status)?.[1] ?? 1) : 0
    })
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Memory of some processes: their resident sizes, or, when those exceed `limit`, the exact share that counts no page twice. */
export async function memoryOf(pids: readonly number[], limitBytes: number): Promise<number> {
  const resident = await sumOf(pids, 'status', /^VmRSS:\s+(\d+) kB/m)
  if (resident <= limitBytes) return resident
  const shares = await sumOf(pids, 'smaps_rollup', /^Pss:\s+(\d+) kB/m)
  return shares > 0 ? shares : resident
}

async function sumOf(pids: readonly number[], file: string, pattern: RegExp): Promise<number> {
  const texts = await Promise.all(
    pids.map(async (pid) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => ''))
  )
  return texts.reduce((sum, text) => sum + Number(pattern.exec(text)?.[1] ?? 0) * 1024, 0)
}

async function readStat(pid: number): Promise<ProcessStat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // The command name stands in brackets and may hold anything, so count from its end.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { pid, parent: Number(fields[1]), ended: fields[0] === 'Z' || fields[0] === 'X', cpuTicks: ticks }
}

function groupByParent(stats: readonly ProcessStat[]): Map<number, ProcessStat[]> {
  const groups = new Map<number, ProcessStat[]>()
  for (const stat of stats) groups.set(stat.parent, [...(groups.get(stat.parent) ?? []), stat])
  return groups
}
