import type { PieceRange } from '../core/blob-pieces.ts'
import type { Sha256 } from '../core/ids.ts'
import type { BlobSource, EnsureOptions } from '../core/ports.ts'
import { createBlobFollower, type BlobFollower } from './blob-follower.ts'
import { startFlight, type Flight } from './blob-flight.ts'
import { PassingBlob } from './blob-passing.ts'
import type { FlightOrder, FlightParts } from './flight-parts.ts'
import { GossipError } from './gossip-error.ts'
import { MAX_BLOB_FETCHES, MAX_BLOBS_PASSED, MAX_PIECE_BUFFERS } from './gossip-limits.ts'
import { PieceBuffers } from './piece-buffers.ts'
import { createSlots } from './slots.ts'

export type BlobSourceParts = Omit<FlightParts, 'slots' | 'buffers'>

export interface BlobStreamed {
  readonly size: number
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface StreamOptions extends EnsureOptions {
  /** `end` is exclusive. */
  readonly range?: PieceRange
}

/** A BlobSource that can also pass the bytes on while they come in. */
export interface StreamingBlobSource extends BlobSource {
  /**
   * The bytes of a blob from wherever it is, or some of them; all of it is kept here while they pass, if the disk takes it. Throws
   * BLOB_UNAVAILABLE when nobody has it; `chunks` throws before the last bytes of the blob when they are not the blob.
   */
  streamThrough(digest: Sha256, options?: StreamOptions): Promise<BlobStreamed>
  /** Ends every fetch; what came is kept for the next start. */
  stop(): Promise<void>
}

/**
 * Brings each blob once, however many ask. A signal ends its caller's waiting, not the fetch: the bytes are of use to the
 * next who asks. Spec: docs/protocol/blobs.md
 */
export function createBlobSource(parts: BlobSourceParts): StreamingBlobSource {
  return new Flights(parts)
}

class Flights implements StreamingBlobSource {
  readonly #parts: FlightParts
  readonly #running = new Map<Sha256, Flight>()
  readonly #ending = new AbortController()
  /** Readers whose blob goes past the disk. */
  #passed = 0

  constructor(parts: BlobSourceParts) {
    const slots = createSlots(MAX_BLOB_FETCHES)
    this.#parts = { ...parts, slots, buffers: new PieceBuffers(MAX_PIECE_BUFFERS) }
  }

  async ensure(digest: Sha256, options: EnsureOptions = {}): Promise<number> {
    const held = await this.#parts.store.size(digest)
    return held ?? (await orAborted(this.#flightOf(digest, options).done, options.signal))
  }

  async streamThrough(digest: Sha256, options: StreamOptions = {}): Promise<BlobStreamed> {
    const { store } = this.#parts
    const { range } = options
    const held = await store.size(digest)
    if (held !== undefined) return { size: held, chunks: store.read(digest, range) }
    const flight = this.#flightOf(digest, options)
    if (range !== undefined) flight.prefer(range)
    const follower = this.#follow(digest, flight, range)
    try {
      const size = await orAborted(flight.size, options.signal)
      const goOn = (): AsyncIterable<Uint8Array> =>
        this.#pass(this.#passing(digest, options), follower.position, range?.end)
      return { size, chunks: readOn(follower, flight, goOn) }
    } catch (error) {
      flight.followers.delete(follower)
      if (!flight.isRefused()) throw error
    }
    const blob = this.#passing(digest, options)
    return { size: await blob.size(), chunks: this.#pass(blob, range?.start ?? 0, range?.end) }
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('blob source stopped'))
    await Promise.allSettled([...this.#running.values()].map((flight) => flight.done))
  }

  #flightOf(digest: Sha256, options: EnsureOptions): Flight {
    const running = this.#running.get(digest)
    if (running !== undefined) return running
    const flight = startFlight(this.#parts, this.#orderFor(digest, options))
    this.#running.set(digest, flight)
    const leave = (): void => {
      this.#running.delete(digest)
    }
    flight.done.then(leave, leave)
    return flight
  }

  #orderFor(digest: Sha256, { hint = [], about }: EnsureOptions): FlightOrder {
    return { digest, hint, signal: this.#ending.signal, ...(about === undefined ? {} : { about }) }
  }

  #follow(digest: Sha256, flight: Flight, range: PieceRange | undefined): BlobFollower {
    const { store } = this.#parts
    const { done, pieced } = flight
    const onEnd = (): void => {
      flight.followers.delete(follower)
    }
    const follower = createBlobFollower({ store, digest, done, pieced, onEnd, ...(range && { range }) })
    flight.followers.add(follower)
    return follower
  }

  #passing(digest: Sha256, options: EnsureOptions): PassingBlob {
    return new PassingBlob(this.#parts, this.#orderFor(digest, options))
  }

  /** Each has a piece or two in memory, however slow its reader is: there are only so many. */
  async *#pass(blob: PassingBlob, start: number, end: number | undefined): AsyncGenerator<Uint8Array> {
    if (this.#passed >= MAX_BLOBS_PASSED) throw new GossipError({ code: 'PEER_BUSY', peer: this.#parts.self })
    this.#passed += 1
    try {
      yield* blob.bytes(start, end)
    } finally {
      this.#passed -= 1
    }
  }
}

/** As the flight brings it; when the disk takes no more, from where that ended, past the disk. */
async function* readOn(
  follower: BlobFollower,
  flight: Flight,
  goOn: () => AsyncIterable<Uint8Array>
): AsyncGenerator<Uint8Array> {
  try {
    yield* follower.bytes()
    return
  } catch (error) {
    if (!flight.isRefused()) throw error
  }
  yield* goOn()
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
