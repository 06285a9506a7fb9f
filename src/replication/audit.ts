import type { NodeId } from '../core/ids.ts'
import { AUDIT_LIES, AUDIT_MS, DISTRUST_MS } from '../core/limits.ts'
import type { BlobStore, Clock, Log, Random } from '../core/ports.ts'
import type { BlobMeter } from './blob-meter.ts'
import type { Duties } from './duties.ts'
import type { KeptBlob, ReplicaPeers } from './replica-ports.ts'
import { sampleOf } from './sample.ts'

/** Blobs held here of which one is asked for: drawn from all that a walk met. */
const POOL_BLOBS = 200

export interface AuditParts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly peers: ReplicaPeers
  readonly meter: BlobMeter<BlobStore>
  readonly self: NodeId
}

/**
 * Asks others now and then to show a few bytes of what they say they hold. Whoever says so and cannot, again and again, is no holder to
 * count on, and others hold in its place. One that says it has not got it yet is no liar. docs/protocol/replication.md#audits
 */
export class Audit {
  readonly #parts: AuditParts
  readonly #pool: KeptBlob[] = []
  readonly #lies = new Map<NodeId, number>()
  readonly #distrustedUntilMs = new Map<NodeId, number>()
  #met = 0
  #nextMs = 0

  constructor(parts: AuditParts) {
    this.#parts = parts
  }

  /** This node holds it. Every blob met so far is in the pool with the same chance. */
  met(blob: KeptBlob): void {
    this.#met++
    if (this.#pool.length < POOL_BLOBS) this.#pool.push(blob)
    else {
      const at = Math.floor(this.#parts.random.float() * this.#met)
      if (at < POOL_BLOBS) this.#pool[at] = blob
    }
  }

  distrusts(node: NodeId): boolean {
    const untilMs = this.#distrustedUntilMs.get(node)
    return untilMs !== undefined && this.#parts.clock.monotonicMs() < untilMs
  }

  async run(duties: Duties, signal: AbortSignal): Promise<void> {
    const { clock, random, meter, peers, self } = this.#parts
    const nowMs = clock.monotonicMs()
    if (nowMs < this.#nextMs) return
    this.#nextMs = nowMs + AUDIT_MS * (0.5 + random.float())
    const blob = this.#pick(this.#pool)
    if (blob === undefined) return
    if (!(await meter.has(blob.digest))) {
      this.#pool.splice(this.#pool.indexOf(blob), 1)
      return
    }
    const others = duties.placement().holders(blob.key)
    const node = this.#pick(others.filter((other) => other !== self && peers.isPresent(other)))
    if (node !== undefined) await this.#ask(node, blob, signal)
  }

  async #ask(node: NodeId, blob: KeptBlob, signal: AbortSignal): Promise<void> {
    const { peers } = this.#parts
    if ((await peers.ask(node, blob.digest, { signal })) !== 'held') return
    const sample = await sampleOf(this.#parts, blob.digest, blob.size)
    const shown = await peers.ask(node, blob.digest, { sample, signal })
    if (shown === 'held') this.#lies.delete(node)
    if (shown === 'missing') this.#lied(node, blob)
  }

  #lied(node: NodeId, { digest }: KeptBlob): void {
    const { clock, log } = this.#parts
    const lies = (this.#lies.get(node) ?? 0) + 1
    this.#lies.set(node, lies)
    log.warn('a member says that it holds a blob and cannot show it', { node, digest, lies })
    if (lies < AUDIT_LIES) return
    this.#lies.delete(node)
    this.#distrustedUntilMs.set(node, clock.monotonicMs() + DISTRUST_MS)
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#parts.random.float() * from.length)]
  }
}
