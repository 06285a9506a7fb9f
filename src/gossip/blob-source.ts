import type { Sha256 } from '../core/ids.ts'
import type { BlobSource, EnsureOptions } from '../core/ports.ts'
import { createBlobFollower } from './blob-follower.ts'
import { startFlight, type Flight } from './blob-flight.ts'
import type { FlightParts } from './flight-parts.ts'
import { MAX_BLOB_FETCHES, MAX_PIECE_BUFFERS } from './gossip-limits.ts'
import { PieceBuffers } from './piece-buffers.ts'
import { createSlots } from './slots.ts'

export type BlobSourceParts = Omit<FlightParts, 'slots' | 'buffers'>

export interface BlobStreamed {
  readonly size: number
  readonly chunks: AsyncIterable<Uint8Array>
}

/** A BlobSource that can also pass the bytes on while they come in. */
export interface StreamingBlobSource extends BlobSource {
  /**
   * The bytes of a blob from wherever it is, kept here while they pass. Throws BLOB_UNAVAILABLE when nobody has it;
   * `chunks` throws before its last bytes when they are not the blob.
   */
  streamThrough(digest: Sha256, options?: EnsureOptions): Promise<BlobStreamed>
  /** Ends every fetch; what came is kept for the next start. */
  stop(): Promise<void>
}

/**
 * Brings each blob once, however many ask. A signal ends its caller's waiting, not the fetch: the bytes are of use to the
 * next who asks. Spec: docs/protocol/blobs.md
 */
export function createBlobSource(parts: BlobSourceParts): StreamingBlobSource {
  const { store } = parts
  const flights = new Map<Sha256, Flight>()
  const slots = createSlots(MAX_BLOB_FETCHES)
  const buffers = new PieceBuffers(MAX_PIECE_BUFFERS)
  const ending = new AbortController()

  function flightOf(digest: Sha256, { hint = [], about }: EnsureOptions): Flight {
    const running = flights.get(digest)
    if (running !== undefined) return running
    const order = { digest, hint, signal: ending.signal, ...(about === undefined ? {} : { about }) }
    const flight = startFlight({ ...parts, slots, buffers }, order)
    flights.set(digest, flight)
    const leave = (): void => {
      flights.delete(digest)
    }
    flight.done.then(leave, leave)
    return flight
  }

  return {
    async ensure(digest, options = {}) {
      const held = await store.size(digest)
      return held ?? (await orAborted(flightOf(digest, options).done, options.signal))
    },
    async streamThrough(digest, options = {}) {
      const held = await store.size(digest)
      if (held !== undefined) return { size: held, chunks: store.read(digest) }
      const flight = flightOf(digest, options)
      const { done, pieced } = flight
      const follower = createBlobFollower({ store, digest, done, pieced })
      flight.followers.add(follower)
      return { size: await orAborted(flight.size, options.signal), chunks: follower.bytes() }
    },
    async stop() {
      ending.abort(new Error('blob source stopped'))
      await Promise.allSettled([...flights.values()].map((flight) => flight.done))
    }
  }
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  signal.throwIfAborted()
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
  })
}
