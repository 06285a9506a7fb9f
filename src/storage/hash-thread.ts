import { Worker } from 'node:worker_threads'

/**
 * What the thread runs. Text, because a thread does not inherit what loads TypeScript where nothing is compiled (tests, benches).
 * The running digests are the thread's own, so that only bytes go in, and only digests come out.
 */
const PROGRAM = `
const { createHash } = require('node:crypto')
const { parentPort } = require('node:worker_threads')
const running = new Map()
const tasks = {
  digest: ({ bytes }) => createHash('sha256').update(bytes).digest(),
  begin: ({ run }) => void running.set(run, createHash('sha256')),
  add: ({ run, bytes }) => void running.get(run)?.update(bytes),
  end({ run }) {
    const hash = running.get(run)
    running.delete(run)
    return hash?.digest()
  }
}
parentPort.on('message', (task) => parentPort.postMessage({ id: task.id, digest: tasks[task.kind](task) }))
`

/** The thread only hashes: of node's defaults, made for whole programs, it needs little. */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 }
/** The thread ends when there was nothing to hash for this long: it takes some 9 MB of memory, and 40 ms to start. */
const IDLE_MS = 10_000

type Task =
  | { readonly kind: 'digest'; readonly bytes: Uint8Array }
  | { readonly kind: 'add'; readonly run: number; readonly bytes: Uint8Array }
  | { readonly kind: 'begin' | 'end'; readonly run: number }

interface Answer {
  readonly id: number
  readonly digest?: Uint8Array
}

interface Waiting {
  readonly resolve: (digest: Uint8Array) => void
  readonly reject: (error: Error) => void
}

/** A SHA-256 of bytes that come one after the other. */
export interface RunningHash {
  /** The bytes may be changed again when this has resolved. */
  add(bytes: Uint8Array): Promise<void>
  /** The digest, also when asked again; nothing may be added after. Every hash must be ended: it keeps the thread until then. */
  end(): Promise<Uint8Array>
}

/**
 * SHA-256 on another thread: a Pi 4 hashes some 140 MB/s, and whoever else wants something of the node would wait for as long.
 * Bytes of shared memory are hashed where they are, others are copied on the way. One thread, started when it is needed; when it
 * dies, what it had begun rejects.
 */
export class HashThread {
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #lastId = 0
  #runs = 0

  digest(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#ask(this.#running(), { kind: 'digest', bytes })
  }

  begin(): RunningHash {
    const worker = this.#running()
    const run = (this.#lastId += 1)
    this.#runs += 1
    const begun = this.#ask(worker, { kind: 'begin', run })
    // whatever comes next tells of it
    begun.catch(() => undefined)
    let ended: Promise<Uint8Array> | undefined
    return {
      add: async (bytes) => {
        await this.#ask(worker, { kind: 'add', run, bytes })
      },
      end: () => {
        if (ended === undefined) this.#runs -= 1
        ended ??= this.#ask(worker, { kind: 'end', run })
        return ended
      }
    }
  }

  #running(): Worker {
    clearTimeout(this.#idle)
    this.#worker ??= this.#start()
    return this.#worker
  }

  #ask(worker: Worker, task: Task): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#worker !== worker) {
        reject(new Error(ENDED))
        return
      }
      const id = (this.#lastId += 1)
      this.#waiting.set(id, { resolve, reject })
      worker.postMessage({ id, ...task })
    })
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, { eval: true, execArgv: [], resourceLimits: LIMITS })
    // a program that has nothing else to do may end
    worker.unref()
    worker.on('message', ({ id, digest }: Answer) => {
      this.#waiting.get(id)?.resolve(digest ?? NOTHING)
      this.#waiting.delete(id)
      this.#endIfIdle()
    })
    worker.on('error', (error) => {
      this.#died(worker, error instanceof Error ? error : new Error(String(error)))
    })
    worker.on('exit', () => {
      this.#died(worker, new Error(ENDED))
    })
    return worker
  }

  #endIfIdle(): void {
    if (this.#waiting.size > 0 || this.#runs > 0) return
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => {
      const worker = this.#worker
      this.#worker = undefined
      void worker?.terminate()
    }, IDLE_MS).unref()
  }

  /** Both an error and the end that follows it come here. */
  #died(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

const NOTHING = new Uint8Array()
const ENDED = 'the thread that hashes has ended'
