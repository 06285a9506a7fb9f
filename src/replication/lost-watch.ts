import { messageOf } from '../core/errors.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import { FOUND_JITTER_MS, KEEPER_ROUND_MS, LOST_AFTER_MS, LOST_TRIES, LOST_TURN_MS } from '../core/limits.ts'
import type { Placement } from '../core/placement.ts'
import type { Clock, Log, Random } from '../core/ports.ts'
import type { MissingBlob } from './missing-blobs.ts'
import type { LostBook, ReplicaPeers } from './replica-ports.ts'

export interface LostWatchParts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly peers: ReplicaPeers
  readonly lost: LostBook
  /** This node holds the blob, and its bytes are right: reads all of it. */
  isWhole(digest: Sha256): Promise<boolean>
  has(digest: Sha256): Promise<boolean>
}

/** Says when a published wheel is gone, and when it is back. docs/protocol/replication.md#lost-and-found */
export class LostWatch {
  readonly #parts: LostWatchParts
  /** When a lost file was last looked for here. */
  readonly #lookedMs = new Map<Sha256, number>()

  constructor(parts: LostWatchParts) {
    this.#parts = parts
  }

  /** Most members are here: those who are can speak for all. */
  isMajority(placement: Placement): boolean {
    const present = placement.nodes().filter((node) => this.#parts.peers.isPresent(node))
    return 2 * present.length > this.#parts.peers.members()
  }

  /** A copy could not be had, once more. Says that its wheel is lost when that is certain enough, and this node's turn. */
  async consider({ blob, sinceMs, tries }: MissingBlob, self: NodeId, placement: Placement): Promise<void> {
    const { clock, lost, log, peers } = this.#parts
    if (blob.kind !== 'wheel' || lost.isLost(blob.digest) || tries < LOST_TRIES) return
    const present = placement.order(blob.key).filter((node) => peers.isPresent(node))
    const turn = Math.max(0, present.indexOf(self))
    const missedMs = clock.monotonicMs() - sinceMs - turn * LOST_TURN_MS
    if (missedMs < LOST_AFTER_MS) return
    // One that says it has the blob and never delivers gets as long again: it may be very slow.
    if (missedMs < 2 * LOST_AFTER_MS && (await this.#isClaimed(blob.digest, self, present))) return
    await lost.say('lost', blob.digest)
    log.warn('no member has a published wheel any more: it is built again', {
      digest: blob.digest,
      project: blob.project,
      target: blob.target
    })
  }

  /** Looks whether this node holds something that is said to be lost. */
  async look(signal: AbortSignal): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const digest of [...this.#parts.lost.all()]) {
      if (signal.aborted) return
      const lookedMs = this.#lookedMs.get(digest)
      if (lookedMs !== undefined && nowMs - lookedMs < KEEPER_ROUND_MS) continue
      this.#lookedMs.set(digest, nowMs)
      await this.#sayIfFound(digest, signal)
    }
    for (const digest of this.#lookedMs.keys())
      if (!this.#parts.lost.isLost(digest)) this.#lookedMs.delete(digest)
  }

  /** It came in a moment ago. */
  stored(digest: Sha256): void {
    this.#lookedMs.delete(digest)
  }

  async #sayIfFound(digest: Sha256, signal: AbortSignal): Promise<void> {
    const { clock, random, lost, log } = this.#parts
    if (!(await this.#parts.has(digest)) || !(await this.#parts.isWhole(digest))) return
    try {
      await clock.sleep(random.float() * FOUND_JITTER_MS, { signal })
      if (!lost.isLost(digest)) return
      await lost.say('found', digest)
      log.info('this node has a wheel that was taken for lost', { digest })
    } catch (error) {
      if (signal.aborted) return
      this.#lookedMs.delete(digest)
      log.warn('a found wheel could not be told', { digest, error: messageOf(error) })
    }
  }

  async #isClaimed(digest: Sha256, self: NodeId, present: readonly NodeId[]): Promise<boolean> {
    for (const node of present)
      if (node !== self && (await this.#parts.peers.ask(node, digest, {})) === 'held') return true
    return false
  }
}
