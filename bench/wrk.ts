import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What wrk asks for, one after the other in an order by chance that is the same for every server. */
export interface Question {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

export interface Load {
  readonly port: number
  readonly questions: readonly Question[]
  readonly seconds: number
  readonly connections: number
  /** Processes that answer. */
  readonly pids: readonly number[]
  /** Where its script is written. */
  readonly folder: string
}

export interface Answered {
  readonly perSecond: number
  /** Time of a processor that the server took, threads and children of it and kernel included. */
  readonly cpuMsPerRequest: number
  readonly p99Ms: number
  /** Answers that were no success. */
  readonly failed: number
}

/** Clock ticks of /proc/<pid>/stat in a second: `getconf CLK_TCK` on every Linux. */
const TICKS = 100
/** A server is quiet when it takes less than this share of a core for so long. */
const QUIET_SHARE = 0.06
const QUIET_SECONDS = 3
/** The load runs on the other core than the servers. */
const CLIENT_CORE = '1'

/** Requests of wrk on one thread for some seconds, and what they cost. */
export async function load(order: Load): Promise<Answered> {
  const script = join(order.folder, 'questions.lua')
  await writeFile(script, luaOf(order.questions))
  const before = await cpuSeconds(order.pids)
  const { stdout } = await run('taskset', [
    ...['-c', CLIENT_CORE, 'wrk', '-t1', `-c${order.connections}`, `-d${order.seconds}s`, '--latency'],
    ...['-s', script, `http://127.0.0.1:${order.port}`]
  ])
  const spent = (await cpuSeconds(order.pids)) - before
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0)
  if (requests === 0) throw new Error(`wrk got no answer:\n${stdout}`)
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    cpuMsPerRequest: (spent * 1_000) / requests,
    p99Ms: milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
    failed: Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0)
  }
}

/** Keeps a process, with all threads that it has now, on one core. */
export async function pin(pid: number, core: string): Promise<void> {
  await run('taskset', ['-a', '-c', '-p', core, String(pid)])
}

export interface Resident {
  readonly all: number
  /** The program's own: heap, buffers, stacks. */
  readonly own: number
  /** Pages of files, such as node's binary and LevelDB's tables: the kernel may drop them, and processes share them. */
  readonly ofFiles: number
  /** The most that it ever was. */
  readonly peak: number
}

/** What a process holds of the machine's memory, in MiB. */
export async function residentMiB(pids: readonly number[]): Promise<Resident> {
  const status = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8')))
  const sum = (field: string): number => {
    const sizes = status.map((text) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]))
    return Math.round(sizes.reduce((all, size) => all + size, 0) / 1024)
  }
  return { all: sum('VmRSS'), own: sum('RssAnon'), ofFiles: sum('RssFile'), peak: sum('VmHWM') }
}

/** Waits until a server has nothing to do of its own: a node looks through its ledger after a start. */
export async function untilQuiet(pids: readonly number[]): Promise<void> {
  for (let quiet = 0; quiet < QUIET_SECONDS;) {
    const before = await cpuSeconds(pids)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    quiet = (await cpuSeconds(pids)) - before < QUIET_SHARE ? quiet + 1 : 0
  }
}

async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const spent = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) / TICKS
    })
  )
  return spent.reduce((sum, one) => sum + one, 0)
}

function milliseconds(match: RegExpExecArray | null): number {
  const [, value = 'NaN', unit = 'ms'] = match ?? []
  return Number(value) * ({ us: 0.001, ms: 1, s: 1_000 }[unit] ?? NaN)
}

/** The requests are made once, as text: what wrk does for each must not be what is measured. */
function luaOf(questions: readonly Question[]): string {
  const lines = questions.map(({ path, headers }) => {
    const pairs = Object.entries(headers).map(([name, value]) => `[${quoted(name)}]=${quoted(value)}`)
    return `{${quoted(path)},{${pairs.join(',')}}},`
  })
  return [
    'local questions={',
    ...lines,
    '}',
    'local requests={}',
    'function init(args)',
    '  math.randomseed(7)',
    '  for i,q in ipairs(questions) do requests[i]=wrk.format("GET",q[1],q[2]) end',
    'end',
    'function request() return requests[math.random(#requests)] end',
    ''
  ].join('\n')
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, (char) => `\\${char}`)}"`
}
