import { spawn, type ChildProcess } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../core/ports.ts'
import type { BuildLog } from './build-log.ts'
import { dropPrefix, type BuildUser } from './build-user.ts'
import type { BuildGroup, BuildGroups } from './cgroups.ts'
import { countTasks, isAlive } from './process-tree.ts'
import { SYSTEM_PATH } from './run-tool.ts'
import { bwrapArguments, SECCOMP_FD, STATUS_FD, type SandboxPlan } from './sandbox.ts'
import { seccompFilter } from './seccomp.ts'
import { watchLimits, type Breach, type LaunchLimits } from './watch-limits.ts'

/** How one run in a sandbox came to its end. */
export type Ending =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'breach'; readonly breach: Breach }
  /** The command never ran: this machine's fault, not the package's. */
  | { readonly kind: 'not-started'; readonly reason: string }

export interface LaunchParts {
  readonly clock: Clock
  readonly user: BuildUser
  /** The kernel's own hold on memory and processes, where there is one. */
  readonly groups?: BuildGroups | undefined
}

export interface LaunchOptions {
  readonly limits: LaunchLimits
  readonly log: BuildLog
  readonly signal: AbortSignal
}

/** Open files of one process: linkers of large projects open a thousand. */
const MAX_OPEN_FILES = 4_096
/** Between two looks whether the killed namespace is empty. */
const GONE_POLL_MS = 5

/**
 * Runs a plan in its sandbox until it ends, breaks a limit or is aborted. When this settles no process of it is left: bwrap
 * takes its process namespace with it, daemons too, also when this program dies. Throws the signal's reason when aborted.
 */
export async function launch(parts: LaunchParts, plan: SandboxPlan, options: LaunchOptions): Promise<Ending> {
  options.signal.throwIfAborted()
  const group = await parts.groups?.make(options.limits)
  try {
    return await launchIn(group, parts, { ...options, plan })
  } finally {
    await group?.close()
  }
}

async function launchIn(
  group: BuildGroup | undefined,
  parts: LaunchParts,
  { plan, ...options }: LaunchOptions & { readonly plan: SandboxPlan }
): Promise<Ending> {
  const child = await start(parts.user, plan, { limits: options.limits, enter: group?.prefix ?? [] })
  const status = readStatus(child.stdio[STATUS_FD] as Readable)
  const output = Promise.all([pump(child.stdout, options.log), pump(child.stderr, options.log)])
  const kill = killer(child, options.limits.killGraceMs, group)
  // A log that cannot be written ends the run; the reason is thrown below.
  output.catch(kill.now)
  options.signal.addEventListener('abort', kill.now, { once: true })
  const ended = new AbortController()
  const breach = watch(child, plan, { ...options, clock: parts.clock, ended: ended.signal, kill: kill.now })
  try {
    const outcome = await waitForEnd(child)
    const lastWords = (await output).at(-1) ?? ''
    ended.abort()
    await untilGone(parts.clock, status.childPid())
    options.signal.throwIfAborted()
    // Out of memory before all else: what it did after that tells nothing.
    if ((await group?.ranOutOfMemory()) === true) return { kind: 'breach', breach: 'memory' }
    return endingOf({ breach: await breach, exitCode: status.exitCode(), outcome, lastWords })
  } finally {
    ended.abort()
    kill.cancel()
    options.signal.removeEventListener('abort', kill.now)
  }
}

interface Start {
  readonly limits: LaunchLimits
  /** The words that put it into its control group; written as the node's own user. */
  readonly enter: readonly string[]
}

async function start(user: BuildUser, plan: SandboxPlan, { limits, enter }: Start): Promise<ChildProcess> {
  const processes = limits.processes + (await countTasks(user.uid))
  const limited = [
    ...['nice', '-n', '15', 'ionice', '-c3', 'prlimit', `--data=${limits.memoryBytes}`],
    ...[`--fsize=${limits.diskBytes}`, `--nproc=${processes}`, `--nofile=${MAX_OPEN_FILES}`, '--core=0', '--']
  ]
  const [file = '', ...args] = [...enter, ...dropPrefix(user), ...limited, 'bwrap', ...bwrapArguments(plan)]
  const child = spawn(file, args, {
    cwd: '/',
    env: { PATH: SYSTEM_PATH },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe']
  })
  const filter = child.stdio[SECCOMP_FD] as Writable
  // A bwrap that ends before it has read the filter breaks the pipe; its ending says why.
  filter.on('error', () => undefined)
  filter.end(seccompFilter())
  return child
}

interface Watching extends LaunchOptions {
  readonly clock: Clock
  readonly ended: AbortSignal
  readonly kill: () => void
}

async function watch(
  child: ChildProcess,
  plan: SandboxPlan,
  watching: Watching
): Promise<Breach | undefined> {
  const { log, clock, limits, ended, kill } = watching
  if (child.pid === undefined) return undefined
  const watched = { pid: child.pid, work: plan.work, log, clock, limits }
  const breach = await watchLimits(watched, ended).catch((): Breach => 'host-disk')
  if (breach !== undefined) kill()
  return breach
}

/** Streams output to the log and gives its last words. */
async function pump(stream: Readable | null, log: BuildLog): Promise<string> {
  let last = ''
  if (stream === null) return last
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    last = (last + chunk.toString('latin1')).slice(-LAST_WORDS_CHARS)
    await log.write(chunk)
  }
  return last
}

const LAST_WORDS_CHARS = 500

interface Killer {
  readonly now: () => void
  readonly cancel: () => void
}

/**
 * By process group: bwrap's child leaves the group only once it is bound to die with its parent, and before that would wait
 * for a killed one for ever.
 */
function killer(child: ChildProcess, graceMs: number, group: BuildGroup | undefined): Killer {
  let lastResort: NodeJS.Timeout | undefined
  return {
    now: () => {
      signalGroup(child.pid, 'SIGTERM')
      lastResort ??= setTimeout(() => {
        signalGroup(child.pid, 'SIGKILL')
        // its closing would do the same, but waits for the output's end
        group?.kill().catch(() => undefined)
      }, graceMs)
    },
    cancel: () => {
      clearTimeout(lastResort)
    }
  }
}

function signalGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  if (leader === undefined) return
  try {
    process.kill(-leader, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** What the operating system says of the outermost process, in words. */
async function waitForEnd(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(error.message)
    })
    child.once('close', (code, signal) => {
      resolve(signal === null ? `exit status ${code ?? -1}` : `ended by ${signal}`)
    })
  })
}

interface SandboxStatus {
  readonly childPid: () => number | undefined
  /** Only there when the command itself ran and ended. */
  readonly exitCode: () => number | undefined
}

function readStatus(stream: Readable): SandboxStatus {
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
  })
  const field = (name: string): number | undefined => {
    const match = new RegExp(`"${name}": (\\d+)`).exec(text)?.[1]
    return match === undefined ? undefined : Number(match)
  }
  return { childPid: () => field('child-pid'), exitCode: () => field('exit-code') }
}

/** The outer bwrap ends a moment before the namespace's last process; only then may the work folder be looked at. */
async function untilGone(clock: Clock, pid: number | undefined): Promise<void> {
  while (pid !== undefined && (await isAlive(pid))) await clock.sleep(GONE_POLL_MS)
}

interface EndFacts {
  readonly breach: Breach | undefined
  readonly exitCode: number | undefined
  readonly outcome: string
  readonly lastWords: string
}

function endingOf({ breach, exitCode, outcome, lastWords }: EndFacts): Ending {
  if (breach !== undefined) return { kind: 'breach', breach }
  if (exitCode !== undefined) return { kind: 'exited', code: exitCode }
  return { kind: 'not-started', reason: `${outcome} ${lastWords.trim().split('\n').at(-1) ?? ''}`.trim() }
}
