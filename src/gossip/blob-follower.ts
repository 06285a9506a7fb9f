import type { Sha256 } from '../core/ids.ts'
import type { BlobStore } from '../core/ports.ts'
import { MAX_FOLLOWER_LAG_BYTES } from './gossip-limits.ts'

/** One reader of a blob that is still being fetched. */
export interface BlobFollower {
  /** Bytes as they arrived, `offset` being where they begin. Never waits for the reader. */
  push(chunk: Uint8Array, offset: number): void
  /** What was pushed turned out wrong. */
  spoil(reason: Error): void
  /**
   * The whole blob, once. The last bytes come only after the digest was checked: when it is wrong, this throws instead, and
   * whoever passed the bytes on breaks off a transfer that would have been complete with them.
   */
  bytes(): AsyncGenerator<Uint8Array>
}

export interface FollowerParts {
  readonly store: BlobStore
  readonly digest: Sha256
  /** Settles when the fetch has ended; resolved: the blob is held and its digest right. */
  readonly done: Promise<unknown>
}

/**
 * Reads along as long as it keeps up. A reader that starts late, after a resumed prefix, or lags behind by more than
 * {@link MAX_FOLLOWER_LAG_BYTES} gets the rest from disk when all of it is there: it never holds up the fetch.
 */
export function createBlobFollower({ store, digest, done }: FollowerParts): BlobFollower {
  const waiting: Uint8Array[] = []
  let waitingBytes = 0
  let nextOffset = 0
  let isLive = true
  let hasEnded = false
  let spoiled: Error | undefined
  let wake = (): void => undefined

  function push(chunk: Uint8Array, offset: number): void {
    isLive &&= offset === nextOffset && waitingBytes + chunk.byteLength <= MAX_FOLLOWER_LAG_BYTES
    if (!isLive) return
    waiting.push(chunk)
    waitingBytes += chunk.byteLength
    nextOffset += chunk.byteLength
    wake()
  }

  async function* bytes(): AsyncGenerator<Uint8Array> {
    let delivered = 0
    const ended = settled(done).then(() => {
      hasEnded = true
    })
    // the newest chunk is held back: it may be the last one
    for (;;) {
      throwIfSpoiled()
      const chunk = waiting.length > 1 ? waiting.shift() : undefined
      if (chunk !== undefined) {
        waitingBytes -= chunk.byteLength
        delivered += chunk.byteLength
        yield chunk
      } else if (hasEnded) break
      else await Promise.race([ended, pushed()])
    }
    await done
    yield* store.read(digest, { start: delivered })
  }

  function throwIfSpoiled(): void {
    if (spoiled !== undefined) throw spoiled
  }

  function pushed(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve
    })
  }

  return {
    push,
    bytes,
    spoil(reason) {
      spoiled = reason
      isLive = false
      waiting.length = 0
      wake()
    }
  }
}

async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.catch(() => undefined)
}
