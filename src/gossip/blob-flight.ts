import { BlobError } from '../core/blob-error.ts'
import { messageOf } from '../core/errors.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import type { BlobStore, Log } from '../core/ports.ts'
import type { BlobClient, BlobProgress } from './blob-client.ts'
import type { BlobFollower } from './blob-follower.ts'
import { BLOB_ASK_BATCH } from './gossip-limits.ts'
import type { Slots } from './slots.ts'

/** One blob on its way here, however many wait for it. */
export interface Flight {
  /** Its size, once it is held and its digest checked. */
  readonly done: Promise<number>
  /** Its size as the first holder told it. */
  readonly size: Promise<number>
  readonly followers: Set<BlobFollower>
}

export interface FlightParts {
  /** This node: never asked. */
  readonly self: NodeId
  readonly store: BlobStore
  readonly client: BlobClient
  /** Connected members. */
  readonly peers: () => readonly NodeId[]
  readonly log: Log
  readonly slots: Slots
}

export interface FlightOrder {
  readonly digest: Sha256
  readonly hint: readonly NodeId[]
  readonly signal: AbortSignal
}

/** Asks one holder after the other until the blob is here; each goes on where the one before broke off. */
export function startFlight(parts: FlightParts, order: FlightOrder): Flight {
  const followers = new Set<BlobFollower>()
  let toldSize: number | undefined
  let tell: (size: number) => void = () => undefined
  const told = new Promise<number>((resolve) => {
    tell = resolve
  })
  const progress: BlobProgress = {
    onSize(size) {
      if (toldSize !== undefined && toldSize !== size) spoil(followers, order.digest)
      toldSize = size
      tell(size)
    },
    onChunk(chunk, offset) {
      for (const follower of followers) follower.push(chunk, offset)
    }
  }
  const done = parts.slots.run(() => fetchFromAnybody({ ...parts, ...order, progress, followers }))
  const size = Promise.race([told, done])
  // it may go unheard: nobody waits for the size in `ensure`
  size.catch(() => undefined)
  return { done, size, followers }
}

interface Fetch extends FlightParts, FlightOrder {
  readonly progress: BlobProgress
  readonly followers: Set<BlobFollower>
}

async function fetchFromAnybody(fetch: Fetch): Promise<number> {
  const { digest, signal } = fetch
  let asked = 0
  for await (const peer of holders(fetch)) {
    signal.throwIfAborted()
    asked += 1
    const size = await fetchFrom(fetch, peer)
    if (size !== undefined) return size
  }
  signal.throwIfAborted()
  throw new BlobError({ code: 'BLOB_UNAVAILABLE', digest, asked })
}

/** Hinted nodes unasked, since a record says that they have it; then connected ones that say so. */
async function* holders({ self, client, peers, digest, hint, signal }: Fetch): AsyncGenerator<NodeId> {
  const hinted = new Set(hint.filter((peer) => peer !== self))
  yield* hinted
  const others = peers().filter((peer) => peer !== self && !hinted.has(peer))
  for (let start = 0; start < others.length; start += BLOB_ASK_BATCH) {
    const batch = others.slice(start, start + BLOB_ASK_BATCH)
    const sizes = await Promise.all(batch.map((peer) => client.sizeAt(peer, digest, { signal })))
    yield* batch.filter((_, index) => sizes[index] !== undefined)
  }
}

/** Undefined: this peer could not bring it. */
async function fetchFrom(fetch: Fetch, peer: NodeId): Promise<number | undefined> {
  const { store, client, log, digest, signal, progress, followers } = fetch
  for (;;) {
    const partial = await store.partial(digest)
    const wasResumed = partial.offset > 0
    try {
      return await client.fetch(peer, { digest, partial }, progress, { signal })
    } catch (error) {
      if (!(error instanceof BlobError && error.code === 'BLOB_MISMATCH')) {
        log.debug('could not fetch a blob from a peer', { digest, peer, why: messageOf(error) })
        return undefined
      }
      spoil(followers, digest)
      // whose bytes were wrong is known only of a transfer from the very beginning
      if (!wasResumed) {
        log.warn('a peer sent wrong bytes for a blob', { digest, peer })
        return undefined
      }
    }
  }
}

function spoil(followers: Set<BlobFollower>, digest: Sha256): void {
  for (const follower of followers) {
    follower.spoil(new BlobError({ code: 'BLOB_MISMATCH', digest, actual: 'unknown' }))
  }
  followers.clear()
}
