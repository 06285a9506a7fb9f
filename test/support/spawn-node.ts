import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ReadyFacts } from '../../src/cli/join-report.ts'

/** How one node is run. */
export interface NodePlan {
  readonly name: string
  readonly dataDir: string
  readonly pythons: readonly string[]
  /** The simple index to follow; absent: the one that pip uses. */
  readonly upstream?: string
  readonly mdns?: boolean
  readonly acceptLan?: boolean
  /** Where the other nodes reach it; absent: any free port of loopback. */
  readonly listen?: string
  /** Where its HTTP is reached; absent: loopback. */
  readonly httpHost?: string
  /** Words for node that start another program with the same command line, in place of `commonwheel`. */
  readonly program?: readonly string[]
  /** A command that becomes what stands behind it, in a network namespace perhaps. */
  readonly under?: readonly string[]
  /** How long its start may take; absent: what a start takes on a busy machine. */
  readonly patienceMs?: number
  /** What its config.json says. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What a command left when it ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** A start makes a virtual environment for each Python, on a machine that may be busy. */
const READY_MS = 120_000
const STOP_MS = 20_000
/** A want that is waited for: real packages, on a slow machine. */
const COMMAND_MS = 600_000
const FREE_LISTEN = '/ip4/127.0.0.1/tcp/0'

/** The program itself in a process of its own, with its own data folder and free ports. */
export class NodeProcess {
  readonly name: string
  readonly dataDir: string
  readonly #plan: NodePlan
  #child: ChildProcess | undefined
  #ready: ReadyFacts | undefined
  #log = ''

  constructor(plan: NodePlan) {
    this.name = plan.name
    this.dataDir = plan.dataDir
    this.#plan = plan
  }

  /** Starts it, with or without a ticket, and waits until it says that it is up; rejects with its words when it ends instead. */
  async start(ticket?: string): Promise<ReadyFacts> {
    if (this.isRunning()) throw new TypeError(`${this.name} runs already`)
    await this.#writeSettings()
    this.#ready = undefined
    const words = [...this.#words(), ...(ticket === undefined ? [] : [ticket])]
    const child = spawnProgram(words, this.#plan.env, this.#plan)
    this.#child = child
    this.#log += `--- ${this.name}: started as ${child.pid ?? 0}\n`
    const ready = await this.#untilReady(child)
    this.#ready = ready
    return ready
  }

  isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new TypeError(`${this.name} was never started`)
    return pid
  }

  /** What it said when it came up. */
  get ready(): ReadyFacts {
    if (this.#ready === undefined) throw new TypeError(`${this.name} is not up`)
    return this.#ready
  }

  get id(): string {
    return this.ready.node
  }

  /** All that it wrote about itself, over every start. */
  get log(): string {
    return this.#log
  }

  /** kill -9, and nothing else. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** As Ctrl-C does, or a supervisor; its exit code. */
  async stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<number | null> {
    await this.#end(signal)
    return this.#child?.exitCode ?? null
  }

  /** One command of its owner. */
  command(...words: readonly string[]): Promise<Ended> {
    return this.follow(words)
  }

  /** The same, heard while it speaks. */
  follow(words: readonly string[], onOutput?: (text: string) => void): Promise<Ended> {
    return runCommand([...words, '--data', this.dataDir], this.#plan.env, onOutput)
  }

  url(path: string): string {
    return new URL(path, this.ready.pageUrl).href
  }

  /** One of its answers as JSON; rejects when it is no success. */
  async api<T>(path: string): Promise<T> {
    const response = await fetch(this.url(path), { signal: AbortSignal.timeout(10_000) })
    if (!response.ok) throw new Error(`${this.name} answers ${response.status} to ${path}`)
    return (await response.json()) as T
  }

  #words(): readonly string[] {
    const { pythons, upstream, mdns = false, acceptLan = false, name, dataDir } = this.#plan
    const { listen = FREE_LISTEN, httpHost = '127.0.0.1' } = this.#plan
    return [
      ...['join', '--json', '--data', dataDir, '--name', name, '--http', `${httpHost}:0`],
      ...['--listen', listen],
      ...pythons.flatMap((python) => ['--python', python]),
      ...(upstream === undefined ? [] : ['--upstream', upstream]),
      ...(mdns ? [] : ['--no-mdns']),
      ...(acceptLan ? ['--accept-lan'] : [])
    ]
  }

  async #writeSettings(): Promise<void> {
    const { settings } = this.#plan
    await mkdir(this.dataDir, { recursive: true, mode: 0o700 })
    if (settings !== undefined) await writeFile(join(this.dataDir, 'config.json'), JSON.stringify(settings))
  }

  /** `--json` prints one object on standard output when the node is up; all else goes to standard error. */
  async #untilReady(child: ChildProcess): Promise<ReadyFacts> {
    let out = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString()
    })
    const said = new Promise<ReadyFacts>((resolve) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        out += chunk.toString()
        if (/\n}\n$/.test(out)) resolve(JSON.parse(out) as ReadyFacts)
      })
    })
    const died = once(child, 'close').then(([code]: readonly unknown[]) => {
      throw new StartFailure(this.name, code, this.#log)
    })
    return within(this.#plan.patienceMs ?? READY_MS, `${this.name} to come up`, Promise.race([said, died]))
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.isRunning()) return
    const closed = once(child, 'close')
    child.kill(signal)
    await within(STOP_MS, `${this.name} to end`, closed)
    this.#log += `--- ${this.name}: ended by ${signal}, exit code ${child.exitCode ?? 'none'}\n`
  }
}

/** A node that ended before it was up. */
export class StartFailure extends Error {
  readonly code: unknown
  readonly said: string

  constructor(name: string, code: unknown, said: string) {
    super(`${name} ended with ${String(code)} before it was up:\n${said}`)
    this.code = code
    this.said = said
  }
}

async function runCommand(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  onOutput: (text: string) => void = () => undefined
): Promise<Ended> {
  const child = spawnProgram(words, env)
  const ended = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk: Buffer) => {
      ended[name] += chunk.toString()
      onOutput(chunk.toString())
    })
  }
  await within(COMMAND_MS, words.join(' '), once(child, 'close')).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  return { code: child.exitCode, ...ended }
}

const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

function spawnProgram(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  { under = [], program = programWords() }: Pick<NodePlan, 'under' | 'program'> = {}
): ChildProcess {
  const [command = process.execPath, ...rest] = [...under, process.execPath, ...program, ...words]
  const child = spawn(command, rest, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  children.add(child)
  child.once('close', () => children.delete(child))
  return child
}

let program: readonly string[] | undefined

/** What was built, unless the source is newer; one process either way, so that a signal reaches the program. */
function programWords(): readonly string[] {
  if (program !== undefined) return program
  const built = join(ROOT, 'dist', 'cli', 'main.js')
  const isFresh = existsSync(built) && statSync(built).mtimeMs >= newestIn(join(ROOT, 'src'))
  program = isFresh
    ? ['--enable-source-maps', built]
    : ['--import', 'tsx', join(ROOT, 'src', 'cli', 'main.ts')]
  return program
}

function newestIn(folder: string): number {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) =>
    entry.isFile()
  )
  return Math.max(...entries.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs))
}

export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`waited ${ms / 1000} s for ${what}`))
    }, ms)
  })
  return Promise.race([work, late]).finally(() => {
    clearTimeout(timer)
  })
}
