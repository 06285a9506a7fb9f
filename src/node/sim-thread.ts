import { Worker } from 'node:worker_threads'
import type { SeedOutcome, SeedTask } from './sim-task.ts'

interface Waiting {
  resolve(outcome: SeedOutcome): void
  reject(error: Error): void
}

/** One worker thread that runs one seed at a time; a new one takes its place when it dies of a seed. */
export class SimThread {
  readonly #url: URL
  #worker: Worker | undefined
  #waiting: Waiting | undefined

  constructor(url: URL) {
    this.#url = url
  }

  /** Rejects when the thread dies, or is ended. */
  run(task: SeedTask): Promise<SeedOutcome> {
    this.#worker ??= this.#start()
    const worker = this.#worker
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      worker.postMessage(task)
    })
  }

  end(): void {
    void this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(this.#url)
    worker.on('message', (outcome: SeedOutcome) => {
      this.#waiting?.resolve(outcome)
    })
    worker.on('error', (error) => {
      this.#died(worker, error instanceof Error ? error : new Error(String(error)))
    })
    worker.on('exit', (code) => {
      this.#died(worker, new Error(`the thread ended with code ${code}`))
    })
    return worker
  }

  /** Both an error and its exit come here: the second of them finds another worker, or nobody who waits. */
  #died(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#waiting?.reject(error)
  }
}
