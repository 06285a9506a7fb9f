import type { Sha256 } from '../core/ids.ts'
import { MAX_MISSING_BLOBS, REPAIR_RETRY_BASE_MS, REPAIR_RETRY_MAX_MS } from '../core/limits.ts'
import type { KeptBlob } from './replica-ports.ts'

/** A copy that nobody could give. */
export interface MissingBlob {
  readonly blob: KeptBlob
  /** Since when it was asked for without a time in which most members were away. */
  readonly sinceMs: number
  readonly tries: number
  readonly nextMs: number
}

/** Copies that this node should hold, and that it tried in vain to get. Bounded: what does not fit is tried at the next walk. */
export class MissingBlobs {
  readonly #missing = new Map<Sha256, MissingBlob>()

  get(digest: Sha256): MissingBlob | undefined {
    return this.#missing.get(digest)
  }

  count(): number {
    return this.#missing.size
  }

  digests(): Iterable<Sha256> {
    return this.#missing.keys()
  }

  /** One more try in vain. `counts`: of a mesh that is whole enough to speak for all; else the time begins anew. */
  failed(blob: KeptBlob, nowMs: number, counts: boolean): MissingBlob | undefined {
    const known = this.#missing.get(blob.digest)
    if (known === undefined && this.#missing.size >= MAX_MISSING_BLOBS) return undefined
    const tries = counts ? (known?.tries ?? 0) + 1 : 0
    const sinceMs = counts ? (known?.sinceMs ?? nowMs) : nowMs
    const waitMs = Math.min(REPAIR_RETRY_MAX_MS, REPAIR_RETRY_BASE_MS * 2 ** Math.min(tries, 20))
    const missing = { blob, sinceMs, tries, nextMs: nowMs + waitMs }
    this.#missing.set(blob.digest, missing)
    return missing
  }

  forget(digest: Sha256): void {
    this.#missing.delete(digest)
  }

  due(nowMs: number): readonly MissingBlob[] {
    return [...this.#missing.values()].filter(({ nextMs }) => nextMs <= nowMs)
  }

  /** Somebody came: what nobody had is tried again now. */
  hurry(nowMs: number): void {
    for (const [digest, missing] of this.#missing) this.#missing.set(digest, { ...missing, nextMs: nowMs })
  }
}
