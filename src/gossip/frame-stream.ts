import type { Stream } from '@libp2p/interface'
import { decodeCbor, encodeCbor } from '../wire/cbor.ts'
import { FRAME_TIMEOUT_MS, STREAM_WINDOW_BYTES, WINDOW_UPDATE_BYTES } from './gossip-limits.ts'
import { GossipError, asError } from './gossip-error.ts'
import { StreamReader, type ReadLimit } from './stream-reader.ts'

export interface FrameStreamOptions {
  readonly maxFrameBytes: number
  /** For one read or write; undefined waits for as long as the stream lives. */
  readonly timeoutMs?: number | undefined
  /** Much comes over it: its window is opened wide from the start. */
  readonly isBulk?: boolean
}

/**
 * Length-prefixed frames over a libp2p stream, every one bounded in size and time, with raw bytes between them. The stream is
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
  /** Raw bytes that follow a frame, exactly as many as `target` takes; after them frames can be read again. */
  fill(target: Uint8Array, limit: { readonly stallMs: number }): Promise<void>
  /** Sends raw bytes as fast as the peer takes them. */
  send(source: AsyncIterable<Uint8Array>, options: { readonly stallMs: number }): Promise<void>
  /** Says that nothing more will be sent. */
  close(): Promise<void>
  abort(reason: unknown): void
}

export function frameStream(stream: Stream, options: FrameStreamOptions): FrameStream {
  const { maxFrameBytes } = options
  const timeoutMs = 'timeoutMs' in options ? options.timeoutMs : FRAME_TIMEOUT_MS
  if (options.isBulk === true) openWide(stream)
  const reader = new StreamReader(stream)

  const readBytes = (): Promise<Uint8Array> => readFrame(reader, maxFrameBytes, timeoutMs)

  async function writeBytes(bytes: Uint8Array): Promise<void> {
    if (bytes.byteLength > maxFrameBytes) {
      throw new GossipError({ code: 'FRAME_TOO_LARGE', bytes: bytes.byteLength, maxBytes: maxFrameBytes })
    }
    stream.send(withLength(bytes))
    await drained(stream, timeoutMs)
  }

  return {
    get isOpen() {
      return stream.status === 'open' && stream.writeStatus === 'writable'
    },
    readBytes,
    writeBytes,
    read: async () => decodeFrame(await readBytes(), maxFrameBytes),
    write: (value) => writeBytes(encodeCbor(value)),
    fill: (target, limit) => reader.fill(target, limit),
    send: (source, { stallMs }) => sendAll(stream, source, stallMs),
    close: () => stream.close({ signal: AbortSignal.timeout(timeoutMs ?? FRAME_TIMEOUT_MS) }),
    abort: (reason) => {
      stream.abort(asError(reason))
    }
  }
}

/** What @libp2p/yamux 8 has in public of a stream, though libp2p's interface has not; other muxers have none of it. */
interface YamuxWindow {
  recvWindow: number
  readonly recvWindowCapacity: number
  sendWindowUpdate(): void
}

/**
 * The next window update tells the sender of the largest window. yamux begins with 256 KiB and doubles that only while a window
 * passes within four measured round trips: on a busy machine, where nothing runs at once, it never does, and one stream carried
 * 256 KiB a turn. And the sender is told of room only when a quarter of the window is free, as TCP does (RFC 9293 §3.8.6.2.2):
 * yamux tells of each frame that was read, and a sender that has exhausted the window answers in frames as small ever after.
 */
function openWide(stream: Stream & Partial<YamuxWindow>): void {
  if (!hasWindow(stream)) return
  stream.recvWindow = STREAM_WINDOW_BYTES
  const tell = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    // what is told of is taken from the capacity that is left, so that an exhausted sender always hears of room
    if (stream.recvWindow - stream.recvWindowCapacity >= WINDOW_UPDATE_BYTES) tell()
  }
}

function hasWindow(stream: Partial<YamuxWindow>): stream is YamuxWindow {
  return (
    typeof stream.recvWindow === 'number' &&
    typeof stream.recvWindowCapacity === 'number' &&
    typeof stream.sendWindowUpdate === 'function'
  )
}

/** A frame as plain data. */
export function decodeFrame(bytes: Uint8Array, maxBytes: number): unknown {
  return decodeCbor(bytes, { maxBytes })
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
async function drained(stream: Stream, stallMs: number | undefined): Promise<void> {
  while (stream.writableNeedsDrain) {
    await new Promise<void>((resolve, reject) => {
      const signal = stallMs === undefined ? undefined : AbortSignal.timeout(stallMs)
      const settle = (error?: Error): void => {
        stream.removeEventListener('drain', onDrain)
        stream.removeEventListener('close', onClose)
        signal?.removeEventListener('abort', onTimeout)
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
        settle(new GossipError({ code: 'STREAM_STALLED', afterMs: stallMs ?? 0 }))
      }
      stream.addEventListener('drain', onDrain)
      stream.addEventListener('close', onClose)
      signal?.addEventListener('abort', onTimeout)
    })
  }
}

/** Unsigned LEB128, as libp2p's length-prefixed messages have it. */
function withLength(bytes: Uint8Array): Uint8Array {
  const prefix: number[] = []
  let left = bytes.byteLength
  for (; left >= 0x80; left = Math.floor(left / 0x80)) prefix.push((left % 0x80) | 0x80)
  prefix.push(left)
  const frame = new Uint8Array(prefix.length + bytes.byteLength)
  frame.set(prefix)
  frame.set(bytes, prefix.length)
  return frame
}

/** A frame by its length, which is judged before a byte of it is taken. */
async function readFrame(
  reader: StreamReader,
  maxBytes: number,
  timeoutMs: number | undefined
): Promise<Uint8Array> {
  const limit: ReadLimit =
    timeoutMs === undefined ? undefined : { totalMs: timeoutMs, signal: AbortSignal.timeout(timeoutMs) }
  const byte = new Uint8Array(1)
  let length = 0
  for (let unit = 1; ; unit *= 0x80) {
    await reader.fill(byte, limit)
    const [seven = 0] = byte
    length += (seven & 0x7f) * unit
    // also a length of endless zeros ends here
    if (length > maxBytes || unit > maxBytes) {
      throw new GossipError({ code: 'FRAME_TOO_LARGE', bytes: length, maxBytes })
    }
    if (seven < 0x80) break
  }
  const frame = new Uint8Array(length)
  await reader.fill(frame, limit)
  return frame
}
