import type { NodeId } from '../core/ids.ts'
import { GRANT_FRESH_MS } from '../core/limits.ts'
import type { Message } from './lease-types.ts'

/** Requests of a builder that are remembered: a network repeats and reorders the last few, not more. */
const REMEMBERED_NONCES = 8
/** Builders whose requests are remembered or wait: more than a mesh has members. */
const MAX_BUILDERS = 5_000
/** A request that waits is answered only while its builder still takes the answer: less two slow hops of the network. */
const PARKED_MS = GRANT_FRESH_MS - 1_000

interface Parked {
  readonly from: NodeId
  readonly request: Message<'request'>
  readonly sinceMs: number
}

/** What builders asked: which requests were answered, and which wait until their coordinator may grant. */
export class RequestLog {
  readonly #nonces = new Map<NodeId, readonly number[]>()
  readonly #parked = new Map<NodeId, Parked>()

  /** Notes a request that is answered now; false when it was before. */
  isNew(from: NodeId, nonce: number): boolean {
    const known = this.#nonces.get(from) ?? []
    if (known.includes(nonce)) return false
    this.#nonces.delete(from)
    this.#nonces.set(from, [...known, nonce].slice(-REMEMBERED_NONCES))
    const [quietest] = this.#nonces.keys()
    if (this.#nonces.size > MAX_BUILDERS && quietest !== undefined) this.#nonces.delete(quietest)
    return true
  }

  /** The last request of each builder waits. */
  park(from: NodeId, request: Message<'request'>, nowMs: number): void {
    if (this.#parked.size < MAX_BUILDERS || this.#parked.has(from))
      this.#parked.set(from, { from, request, sinceMs: nowMs })
  }

  hasParked(): boolean {
    return this.#parked.size > 0
  }

  /** Those that waited not too long. */
  unpark(nowMs: number): readonly Parked[] {
    const parked = [...this.#parked.values()].filter(({ sinceMs }) => nowMs - sinceMs <= PARKED_MS)
    this.#parked.clear()
    return parked
  }
}
