import type { NodeId, Sha256 } from '../core/ids.ts'
import type { Clock } from '../core/ports.ts'
import type { BlobClient } from './blob-client.ts'
import { BLOB_ASK_BATCH, BLOB_BUSY_WAIT_MS, MAX_BLOB_BUSY_TRIES } from './gossip-limits.ts'

export interface HolderParts {
  /** This node: never asked. */
  readonly self: NodeId
  readonly client: Pick<BlobClient, 'sizeAt'>
  /** Connected members. */
  readonly peers: () => readonly NodeId[]
  readonly clock: Clock
}

export interface HolderOrder {
  readonly digest: Sha256
  readonly hint: readonly NodeId[]
  readonly signal: AbortSignal
}

/**
 * Who may have a blob, one after the other: hinted nodes unasked, since a record says that they have it; then connected
 * ones that say so; then those that were busy, again. Several callers may share one queue.
 */
export class HolderQueue {
  readonly #parts: HolderParts
  readonly #order: HolderOrder
  readonly #busy: NodeId[] = []
  readonly #source: AsyncGenerator<NodeId, undefined>
  #busyTries = 0
  #given = new Set<NodeId>()

  constructor(parts: HolderParts, order: HolderOrder) {
    this.#parts = parts
    this.#order = order
    this.#source = this.#fresh()
  }

  /** Holders that were handed out so far. */
  get asked(): number {
    return this.#given.size
  }

  /** Undefined: there is nobody else, for now. */
  async next(): Promise<NodeId | undefined> {
    const step: IteratorResult<NodeId, undefined> = await this.#source.next()
    const peer = step.done === true ? await this.#again() : step.value
    if (peer !== undefined) this.#given.add(peer)
    return peer
  }

  /** It has too much to do: asked again when there is nobody else. */
  busy(peer: NodeId): void {
    this.#busy.push(peer)
  }

  async *#fresh(): AsyncGenerator<NodeId, undefined> {
    const { self, client, peers } = this.#parts
    const { digest, hint, signal } = this.#order
    const hinted = new Set(hint.filter((peer) => peer !== self))
    yield* hinted
    const others = peers().filter((peer) => peer !== self && !hinted.has(peer))
    for (let start = 0; start < others.length; start += BLOB_ASK_BATCH) {
      const batch = others.slice(start, start + BLOB_ASK_BATCH)
      const sizes = await Promise.all(batch.map((peer) => client.sizeAt(peer, digest, { signal })))
      signal.throwIfAborted()
      yield* batch.filter((_, index) => sizes[index] !== undefined)
    }
    return undefined
  }

  async #again(): Promise<NodeId | undefined> {
    const { clock } = this.#parts
    const { signal } = this.#order
    if (this.#busy.length === 0 || this.#busyTries >= MAX_BLOB_BUSY_TRIES) return undefined
    this.#busyTries += 1
    await clock.sleep(BLOB_BUSY_WAIT_MS, { signal })
    return this.#busy.shift()
  }
}
