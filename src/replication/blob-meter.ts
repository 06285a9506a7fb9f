import type { Sha256 } from '../core/ids.ts'
import { BLOB_IN_USE_MS } from '../core/limits.ts'
import type { BlobStore, Clock, PartStore, PieceStore } from '../core/ports.ts'

/** Blobs of which the last use is remembered: those used longest ago are taken for unused. */
const MAX_REMEMBERED_USES = 100_000

/** A blob store, and what is known of its use. */
export interface BlobMeter<S extends BlobStore> {
  /** Everything goes through this one from now on. */
  readonly store: S
  /** Bytes that all blobs take; undefined until they were counted once. */
  usedBytes(): number | undefined
  /** Counts anew: what was written past this store is known then. */
  count(): Promise<void>
  /** When a blob was read or written last by this process; undefined: not since it started, or long ago. */
  lastUsedMs(digest: Sha256): number | undefined
  /** It is being read, or was read or written lately. */
  isInUse(digest: Sha256): boolean
  /** About to be dropped: this node no longer says that it holds it. False: not now, it is in use. */
  leave(digest: Sha256): boolean
  /** Keeps it after all. */
  stay(digest: Sha256): void
  /** Drops what is leaving; false when it was used meanwhile, and stays. */
  drop(digest: Sha256): Promise<boolean>
  /** Bytes of a blob, without using it. */
  peek(digest: Sha256, range?: { readonly start?: number; readonly end?: number }): AsyncIterable<Uint8Array>
  /** Whether it is here, leaving or not. */
  has(digest: Sha256): Promise<boolean>
  /** Runs when a blob has come in whole. */
  onStored(listener: (digest: Sha256) => void): void
}

export function meterBlobs<S extends BlobStore>(store: S, clock: Clock): BlobMeter<S> {
  return new StoreMeter(store, clock)
}

class StoreMeter<S extends BlobStore> implements BlobMeter<S> {
  readonly store: S
  readonly #inner: S
  readonly #clock: Clock
  /** Last used, longest ago first. */
  readonly #uses = new Map<Sha256, number>()
  readonly #readers = new Map<Sha256, number>()
  readonly #leaving = new Set<Sha256>()
  readonly #listeners: ((digest: Sha256) => void)[] = []
  #used: number | undefined
  /** What was stored less what was removed since it was counted. */
  #drift = 0

  constructor(inner: S, clock: Clock) {
    this.#inner = inner
    this.#clock = clock
    const metered: Pick<BlobStore, 'size' | 'read' | 'write' | 'partial' | 'remove'> = {
      size: async (digest) => (this.#leaving.has(digest) ? undefined : inner.size(digest)),
      read: (digest, range) => this.#read(digest, range),
      write: async (source, options) => {
        const written = await inner.write(source, options)
        this.#stored(written.digest, written.size)
        return written
      },
      partial: async (digest) => this.#withCommit(digest, await inner.partial(digest)),
      remove: (digest) => this.#remove(digest)
    }
    this.store = overriding(inner, { ...metered, ...this.#pieced(inner), ...this.#parted(inner) })
  }

  usedBytes(): number | undefined {
    return this.#used === undefined ? undefined : Math.max(0, this.#used + this.#drift)
  }

  async count(): Promise<void> {
    let used = 0
    for await (const { size } of this.#inner.list()) used += size
    // What changed during the count may be in it or not: an error of a few blobs, gone with the next one.
    this.#used = used
    this.#drift = 0
  }

  lastUsedMs(digest: Sha256): number | undefined {
    return this.#uses.get(digest)
  }

  isInUse(digest: Sha256): boolean {
    if (this.#readers.has(digest)) return true
    const usedMs = this.#uses.get(digest)
    return usedMs !== undefined && this.#clock.monotonicMs() - usedMs < BLOB_IN_USE_MS
  }

  leave(digest: Sha256): boolean {
    if (this.isInUse(digest)) return false
    this.#leaving.add(digest)
    return true
  }

  stay(digest: Sha256): void {
    this.#leaving.delete(digest)
  }

  async drop(digest: Sha256): Promise<boolean> {
    const may = this.#leaving.has(digest) && !this.isInUse(digest)
    if (may) await this.#remove(digest)
    this.#leaving.delete(digest)
    return may
  }

  peek(
    digest: Sha256,
    range?: { readonly start?: number; readonly end?: number }
  ): AsyncIterable<Uint8Array> {
    return this.#inner.read(digest, range)
  }

  async has(digest: Sha256): Promise<boolean> {
    return (await this.#inner.size(digest)) !== undefined
  }

  onStored(listener: (digest: Sha256) => void): void {
    this.#listeners.push(listener)
  }

  async *#read(
    digest: Sha256,
    range?: { readonly start?: number; readonly end?: number }
  ): AsyncGenerator<Uint8Array> {
    this.#readers.set(digest, (this.#readers.get(digest) ?? 0) + 1)
    this.#use(digest)
    try {
      yield* this.#inner.read(digest, range)
    } finally {
      const readers = (this.#readers.get(digest) ?? 1) - 1
      if (readers > 0) this.#readers.set(digest, readers)
      else this.#readers.delete(digest)
    }
  }

  /** A store that takes blobs in pieces is metered there, too. */
  #pieced(inner: BlobStore & Partial<Pick<PieceStore, 'byPieces'>>): object {
    const { byPieces } = inner
    if (byPieces === undefined) return {}
    const metered: PieceStore['byPieces'] = async (digest, plan) =>
      this.#withCommit(digest, await byPieces.call(inner, digest, plan))
    return { byPieces: metered }
  }

  /** One that gives small parts at once, too. */
  #parted(inner: BlobStore & Partial<Pick<PartStore, 'readPart'>>): object {
    const { readPart } = inner
    if (readPart === undefined) return {}
    const metered: PartStore['readPart'] = async (digest, part) => {
      if (this.#leaving.has(digest)) return undefined
      this.#use(digest)
      return readPart.call(inner, digest, part)
    }
    return { readPart: metered }
  }

  #withCommit<T extends { commit(): Promise<number> }>(digest: Sha256, transfer: T): T {
    const metered: { commit(): Promise<number> } = {
      commit: async () => {
        const size = await transfer.commit()
        this.#stored(digest, size)
        return size
      }
    }
    return overriding(transfer, metered)
  }

  #stored(digest: Sha256, size: number): void {
    this.#drift += size
    this.#leaving.delete(digest)
    this.#use(digest)
    for (const listener of this.#listeners) listener(digest)
  }

  async #remove(digest: Sha256): Promise<void> {
    const size = await this.#inner.size(digest)
    await this.#inner.remove(digest)
    this.#drift -= size ?? 0
  }

  #use(digest: Sha256): void {
    this.#uses.delete(digest)
    this.#uses.set(digest, this.#clock.monotonicMs())
    const [oldest] = this.#uses.keys()
    if (this.#uses.size > MAX_REMEMBERED_USES && oldest !== undefined) this.#uses.delete(oldest)
  }
}

/** The same object but for some methods, whether it is a class with private fields or not, and whatever else it can do. */
function overriding<T extends object>(target: T, methods: object): T {
  return new Proxy(target, {
    get(_, key) {
      const own: unknown = Reflect.get(methods, key)
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    }
  })
}
