import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { GossipError } from './gossip-error.ts'

/** Ends a read after so long without a byte, or when the signal of a longer time is aborted; undefined: with the stream. */
export type ReadLimit =
  { readonly stallMs: number } | { readonly signal: AbortSignal; readonly totalMs: number } | undefined

interface Sink {
  readonly target: Uint8Array
  filled: number
  settle(error?: Error): void
}

/**
 * Bytes of a stream, exactly as many as are asked for, copied once: from what the decryption made to where the caller wants
 * them. While nobody asks the stream is paused, so that a sender never fills our memory: one window may lie here at most.
 */
export class StreamReader {
  readonly #stream: Stream
  /** What came with the bytes that were asked for, and belongs to the next question. */
  #ahead: Uint8Array[] = []
  #sink: Sink | undefined
  #error: Error | undefined

  constructor(stream: Stream) {
    this.#stream = stream
    stream.addEventListener('message', (event) => {
      this.#take(event)
    })
    stream.addEventListener('remoteCloseWrite', () => {
      this.#endIfOver()
    })
    stream.addEventListener('close', ({ error }) => {
      this.#error ??= error
      this.#endIfOver()
    })
    pause(stream)
  }

  /** Rejects with STREAM_ENDED when the stream ends before `target` is full, with STREAM_STALLED when it takes too long. */
  fill(target: Uint8Array, limit: ReadLimit): Promise<void> {
    if (this.#sink !== undefined) throw new TypeError('one reader at a time')
    const filled = this.#fillFromAhead(target)
    if (filled === target.byteLength) return Promise.resolve()
    return new Promise((resolve, reject) => {
      let stopWatch = (): void => undefined
      const sink: Sink = {
        target,
        filled,
        settle: (error) => {
          this.#sink = undefined
          stopWatch()
          pause(this.#stream)
          if (error === undefined) resolve()
          else reject(error)
        }
      }
      this.#sink = sink
      stopWatch = watch(sink, limit)
      // hands out at once what came while nobody asked
      resume(this.#stream)
      this.#endIfOver()
    })
  }

  /** Of what came before it was asked for. */
  #fillFromAhead(target: Uint8Array): number {
    let filled = 0
    while (filled < target.byteLength) {
      const bytes = this.#ahead.shift()
      if (bytes === undefined) break
      const some = bytes.subarray(0, target.byteLength - filled)
      target.set(some, filled)
      filled += some.byteLength
      if (some.byteLength < bytes.byteLength) this.#ahead.unshift(bytes.subarray(some.byteLength))
    }
    return filled
  }

  #take({ data }: StreamMessageEvent): void {
    if (data instanceof Uint8Array) this.#give(data)
    else for (const bytes of data) this.#give(bytes)
    const sink = this.#sink
    if (sink === undefined) return
    if (sink.filled === sink.target.byteLength) sink.settle()
  }

  #give(bytes: Uint8Array): void {
    const sink = this.#sink
    const wanted = sink === undefined ? 0 : Math.min(bytes.byteLength, sink.target.byteLength - sink.filled)
    if (sink !== undefined && wanted > 0) {
      sink.target.set(wanted === bytes.byteLength ? bytes : bytes.subarray(0, wanted), sink.filled)
      sink.filled += wanted
    }
    if (wanted < bytes.byteLength) this.#ahead.push(bytes.subarray(wanted))
  }

  #endIfOver(): void {
    const sink = this.#sink
    if (sink === undefined) return
    const isOver = this.#stream.remoteWriteStatus !== 'writable' && this.#stream.readBufferLength === 0
    if (isOver) {
      sink.settle(new GossipError({ code: 'STREAM_ENDED', afterBytes: sink.filled }, { cause: this.#error }))
    }
  }
}

/** Ends a read that takes too long. */
function watch(sink: Sink, limit: ReadLimit): () => void {
  if (limit === undefined) return () => undefined
  const stallMs = 'stallMs' in limit ? limit.stallMs : undefined
  const afterMs = 'stallMs' in limit ? limit.stallMs : limit.totalMs
  let signal = 'stallMs' in limit ? AbortSignal.timeout(limit.stallMs) : limit.signal
  let seen = sink.filled
  function onTime(): void {
    if (stallMs === undefined || sink.filled === seen) {
      sink.settle(new GossipError({ code: 'STREAM_STALLED', afterMs }))
      return
    }
    seen = sink.filled
    signal = AbortSignal.timeout(stallMs)
    signal.addEventListener('abort', onTime)
  }
  signal.addEventListener('abort', onTime)
  return () => {
    signal.removeEventListener('abort', onTime)
  }
}

/** libp2p throws when a stream that has ended is paused or resumed. */
function pause(stream: Stream): void {
  if (stream.readStatus === 'readable') stream.pause()
}

function resume(stream: Stream): void {
  if (stream.readStatus !== 'paused') return
  try {
    stream.resume()
  } catch {
    // the connection is gone and cannot be told; what it had brought has been handed out before that was noticed
  }
}
