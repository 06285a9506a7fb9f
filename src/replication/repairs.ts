import { BlobError } from '../core/blob-error.ts'
import { messageOf } from '../core/errors.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import { MAX_REPAIRS_WAITING, REPAIR_AT_ONCE } from '../core/limits.ts'
import type { BlobFacts, BlobSource, Clock, Log } from '../core/ports.ts'
import type { KeptBlob } from './replica-ports.ts'
import { Wake } from './wake.ts'

export interface RepairParts {
  readonly clock: Clock
  readonly log: Log
  readonly source: BlobSource
  /** Members to ask first. */
  hintFor(blob: KeptBlob): readonly NodeId[]
  /** Asked right before: it may be here by now, no longer be owed, or not fit. */
  isStillWanted(blob: KeptBlob): Promise<boolean>
  onFetched(blob: KeptBlob): void
  /** `asked`: nobody who could be asked has it; else something went wrong here. */
  onFailed(blob: KeptBlob, asked: boolean): Promise<void>
}

export interface RepairOptions {
  readonly bytesPerSecond: number
}

/** Fetches the copies that this node owes: a few at once, and on average no faster than the rate. */
export class Repairs {
  readonly #parts: RepairParts
  readonly #options: RepairOptions
  readonly #waiting = new Map<Sha256, KeptBlob>()
  readonly #running = new Set<Sha256>()
  readonly #added = new Wake()
  readonly #taken = new Wake()
  readonly #ending = new AbortController()
  #workers: readonly Promise<void>[] = []
  /** When the bytes fetched so far are paid for. */
  #paidMs = 0
  #fetchedBytes = 0

  constructor(parts: RepairParts, options: RepairOptions) {
    this.#parts = parts
    this.#options = options
  }

  start(): void {
    this.#workers = Array.from({ length: REPAIR_AT_ONCE }, () => this.#work())
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('the node stops'))
    this.#added.wake()
    this.#taken.wake()
    await Promise.allSettled(this.#workers)
  }

  /** False: too many wait already. */
  offer(blob: KeptBlob): boolean {
    if (this.#running.has(blob.digest) || this.#waiting.has(blob.digest)) return true
    if (this.#waiting.size >= MAX_REPAIRS_WAITING) return false
    this.#waiting.set(blob.digest, blob)
    this.#added.wake()
    return true
  }

  /** The same, but waits for its turn. */
  async add(blob: KeptBlob): Promise<void> {
    while (!this.#ending.signal.aborted && !this.offer(blob)) await this.#taken.wait()
  }

  /** Copies that wait or are on their way. */
  digests(): Iterable<Sha256> {
    return [...this.#running, ...this.#waiting.keys()]
  }

  fetchedBytes(): number {
    return this.#fetchedBytes
  }

  async #work(): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      const [blob] = this.#waiting.values()
      if (blob === undefined) await this.#added.wait()
      else {
        this.#waiting.delete(blob.digest)
        this.#running.add(blob.digest)
        this.#taken.wake()
        await this.#repair(blob).catch((error: unknown) => {
          if (!signal.aborted) this.#parts.log.warn('a copy could not be made', { error: messageOf(error) })
        })
        this.#running.delete(blob.digest)
      }
    }
  }

  async #repair(blob: KeptBlob): Promise<void> {
    const { clock, source, log } = this.#parts
    const { signal } = this.#ending
    const waitMs = this.#paidMs - clock.monotonicMs()
    if (waitMs > 0) await clock.sleep(waitMs, { signal })
    if (!(await this.#parts.isStillWanted(blob))) return
    let size: number
    try {
      const hint = this.#parts.hintFor(blob)
      size = await source.ensure(blob.digest, { hint, about: aboutOf(blob), signal })
    } catch (error) {
      if (signal.aborted) return
      const asked = error instanceof BlobError && error.code === 'BLOB_UNAVAILABLE'
      if (!asked) log.warn('a copy could not be made', { digest: blob.digest, error: messageOf(error) })
      await this.#parts.onFailed(blob, asked)
      return
    }
    this.#pay(size)
    this.#parts.onFetched(blob)
  }

  #pay(bytes: number): void {
    this.#fetchedBytes += bytes
    const from = Math.max(this.#paidMs, this.#parts.clock.monotonicMs())
    this.#paidMs = from + (bytes * 1_000) / this.#options.bytesPerSecond
  }
}

function aboutOf({ size, pieces }: KeptBlob): BlobFacts {
  return { size, ...(pieces === undefined ? {} : { pieces }) }
}
