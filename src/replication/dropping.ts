import type { NodeId, Sha256 } from '../core/ids.ts'
import { BLOB_UNKNOWN_MS, DROPS_PER_PASS } from '../core/limits.ts'
import type { BlobStore, Clock, Log, Random } from '../core/ports.ts'
import type { BlobMeter } from './blob-meter.ts'
import type { Duties } from './duties.ts'
import type { KeptBlob, KeptBlobs, ReplicaPeers } from './replica-ports.ts'
import { sampleOf } from './sample.ts'

export interface DropParts {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly kept: KeptBlobs
  readonly peers: ReplicaPeers
  readonly meter: BlobMeter<BlobStore>
  readonly duties: Duties
  readonly self: NodeId
  mayBeNeeded(digest: Sha256): Promise<boolean>
}

/** Bytes to free: of what this node need not hold, and, if that is not enough, of what it should. */
export interface DropOrder {
  readonly spare: number
  readonly must: number
  readonly signal: AbortSignal
}

export interface Dropped {
  readonly blobs: number
  readonly bytes: number
}

/** Lowest first: what no record speaks of, copies beyond those of the mesh, copies that this node owes. */
type Rank = 0 | 1 | 2

interface Candidate {
  readonly digest: Sha256
  readonly size: number
  readonly rank: Rank
  readonly usedMs: number
  readonly blob?: KeptBlob
}

/**
 * Frees disk space. A copy goes only when enough other members showed right then that they have the bytes, and never while it is
 * in use. What is being judged is no longer said to be held here, so that two members cannot drop trusting each other.
 * docs/protocol/replication.md#dropping
 */
export class Dropping {
  readonly #parts: DropParts
  readonly #startedMs: number

  constructor(parts: DropParts) {
    this.#parts = parts
    this.#startedMs = parts.clock.monotonicMs()
  }

  /** One pass over the store. */
  async run(order: DropOrder): Promise<Dropped> {
    let [blobs, bytes] = [0, 0]
    for (const candidate of await this.#candidates(order)) {
      const need = candidate.rank === 2 ? order.must : order.spare
      if (order.signal.aborted || bytes >= need) continue
      if (!(await this.#drop(candidate, order.signal))) continue
      blobs++
      bytes += candidate.size
    }
    return { blobs, bytes }
  }

  /** The first to go; those used longest ago among equals. */
  async #candidates({ must, signal }: DropOrder): Promise<readonly Candidate[]> {
    let found: Candidate[] = []
    for await (const { digest, size } of this.#parts.meter.store.list()) {
      if (signal.aborted) return []
      const candidate = this.#candidateOf(digest, size)
      if (candidate === undefined || (candidate.rank === 2 && must === 0)) continue
      found.push(candidate)
      if (found.length >= 2 * DROPS_PER_PASS) found = firstOf(found)
    }
    return firstOf(found)
  }

  #candidateOf(digest: Sha256, size: number): Candidate | undefined {
    const { meter, kept, clock, duties, self } = this.#parts
    if (meter.isInUse(digest)) return undefined
    const nowMs = clock.monotonicMs()
    const usedMs = meter.lastUsedMs(digest) ?? this.#startedMs
    const blob = kept.find(digest)
    if (blob === undefined) {
      return nowMs - usedMs < BLOB_UNKNOWN_MS ? undefined : { digest, size, rank: 0, usedMs }
    }
    if (duties.isMirrored(blob)) return undefined
    const isOwed = duties.placement().isAmongFirst(self, blob.key)
    return { digest, size, rank: isOwed ? 2 : 1, usedMs, blob }
  }

  async #drop({ digest, size, blob }: Candidate, signal: AbortSignal): Promise<boolean> {
    const { meter, log } = this.#parts
    if (!meter.leave(digest)) return false
    try {
      if (blob === undefined && (await this.#parts.mayBeNeeded(digest))) return false
      if (blob !== undefined && !(await this.#isHeldElsewhere(blob, size, signal))) return false
      const dropped = await meter.drop(digest)
      if (dropped) log.debug('a copy was dropped: the disk is short', { digest, kind: blob?.kind })
      return dropped
    } finally {
      meter.stay(digest)
    }
  }

  /** All those that are to hold it beside this node, at least one, showed that they do. */
  async #isHeldElsewhere({ digest, key }: KeptBlob, size: number, signal: AbortSignal): Promise<boolean> {
    const { peers, self, duties } = this.#parts
    const placement = duties.placement()
    const enough = Math.max(1, placement.othersBeside(self, key).length)
    const sample = await sampleOf(this.#parts, digest, size)
    let held = 0
    let asked = 0
    for (const node of placement.order(key)) {
      // Beyond twice as many the answer is no: a blob that is so hard to find is better kept.
      if (node === self || !peers.isPresent(node)) continue
      if (signal.aborted || asked++ >= 2 * enough + 1) return false
      if ((await peers.ask(node, digest, { sample, signal })) === 'held' && ++held >= enough) return true
    }
    return false
  }
}

function firstOf(candidates: readonly Candidate[]): Candidate[] {
  return candidates
    .toSorted((a, b) => a.rank - b.rank || a.usedMs - b.usedMs || (a.digest < b.digest ? -1 : 1))
    .slice(0, DROPS_PER_PASS)
}
