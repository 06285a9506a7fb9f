import type { Stream } from '@libp2p/interface'
import { byteStream, lpStream, type ByteStream } from '@libp2p/utils'
import { decodeCbor, encodeCbor } from '../wire/cbor.ts'
import { FRAME_BUFFER_BYTES, FRAME_TIMEOUT_MS } from './gossip-limits.ts'
import { GossipError, asError } from './gossip-error.ts'

export interface FrameStreamOptions {
  readonly maxFrameBytes: number
  /** For one read or write; undefined waits for as long as the stream lives. */
  readonly timeoutMs?: number | undefined
}

/**
 * Length-prefixed frames over a libp2p stream, every one bounded in size and time, then perhaps raw bytes. The stream is
 * paused whenever nobody waits for a frame, so that a sender never fills our memory.
 */
export interface FrameStream {
  /** Whether something can still be sent. */
  readonly isOpen: boolean
  /** The next frame as plain data. Rejects at the end of the stream. */
  read(): Promise<unknown>
  readBytes(): Promise<Uint8Array>
  write(value: unknown): Promise<void>
  writeBytes(bytes: Uint8Array): Promise<void>
  /** What follows the frames, as fast as it is asked for; no frame can be read after. */
  rest(options: { readonly stallMs: number }): AsyncGenerator<Uint8Array>
  /** Sends raw bytes as fast as the peer takes them. */
  send(source: AsyncIterable<Uint8Array>, options: { readonly stallMs: number }): Promise<void>
  /** Says that nothing more will be sent. */
  close(): Promise<void>
  abort(reason: unknown): void
}

export function frameStream(stream: Stream, options: FrameStreamOptions): FrameStream {
  const { maxFrameBytes } = options
  const timeoutMs = 'timeoutMs' in options ? options.timeoutMs : FRAME_TIMEOUT_MS
  const frames = lpStream(stream, { maxDataLength: maxFrameBytes, maxBufferSize: FRAME_BUFFER_BYTES })

  async function readBytes(): Promise<Uint8Array> {
    resume(stream)
    const frame = await within(timeoutMs, (limit) => frames.read(limit))
    pause(stream)
    return frame.subarray()
  }

  async function writeBytes(bytes: Uint8Array): Promise<void> {
    if (bytes.byteLength > maxFrameBytes) {
      throw new GossipError({ code: 'FRAME_TOO_LARGE', bytes: bytes.byteLength, maxBytes: maxFrameBytes })
    }
    await within(timeoutMs, (limit) => frames.write(bytes, limit))
  }

  return {
    get isOpen() {
      return stream.status === 'open' && stream.writeStatus === 'writable'
    },
    readBytes,
    writeBytes,
    read: async () => decodeCbor(await readBytes(), { maxBytes: maxFrameBytes }),
    write: (value) => writeBytes(encodeCbor(value)),
    rest({ stallMs }) {
      return readRest(byteStream(frames.unwrap(), { maxBufferSize: FRAME_BUFFER_BYTES }), stream, stallMs)
    },
    send: (source, { stallMs }) => sendAll(stream, source, stallMs),
    close: () => stream.close({ signal: AbortSignal.timeout(timeoutMs ?? FRAME_TIMEOUT_MS) }),
    abort: (reason) => {
      stream.abort(asError(reason))
    }
  }
}

async function* readRest(
  bytes: ByteStream<Stream>,
  stream: Stream,
  stallMs: number
): AsyncGenerator<Uint8Array> {
  for (;;) {
    resume(stream)
    const received = await within(stallMs, (limit) => bytes.read(limit))
    if (received === null) return
    pause(stream)
    yield* received
  }
}

async function sendAll(stream: Stream, source: AsyncIterable<Uint8Array>, stallMs: number): Promise<void> {
  for await (const chunk of source) {
    stream.send(chunk)
    await drained(stream, stallMs)
  }
}

/**
 * Waits until the stream takes more. Not `stream.onDrain()`: libp2p 3.3 resolves one promise for the first drain and
 * hands out that same one ever after, so that a second wait does not wait and a slow peer fills our memory.
 */
async function drained(stream: Stream, stallMs: number): Promise<void> {
  while (stream.writableNeedsDrain) {
    await new Promise<void>((resolve, reject) => {
      const signal = AbortSignal.timeout(stallMs)
      const settle = (error?: Error): void => {
        stream.removeEventListener('drain', onDrain)
        stream.removeEventListener('close', onClose)
        signal.removeEventListener('abort', onTimeout)
        if (error === undefined) resolve()
        else reject(error)
      }
      const onDrain = (): void => {
        settle()
      }
      const onClose = (): void => {
        settle(new GossipError({ code: 'STREAM_ENDED', afterBytes: 0 }))
      }
      const onTimeout = (): void => {
        settle(new GossipError({ code: 'STREAM_STALLED', afterMs: stallMs }))
      }
      stream.addEventListener('drain', onDrain)
      stream.addEventListener('close', onClose)
      signal.addEventListener('abort', onTimeout)
    })
  }
}

async function within<T>(
  ms: number | undefined,
  run: (limit: { readonly signal?: AbortSignal }) => Promise<T>
): Promise<T> {
  if (ms === undefined) return run({})
  const signal = AbortSignal.timeout(ms)
  try {
    return await run({ signal })
  } catch (cause) {
    if (signal.aborted) throw new GossipError({ code: 'STREAM_STALLED', afterMs: ms }, { cause })
    throw cause
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
