import type { NodeId } from '../core/ids.ts'
import type { Clock, Log } from '../core/ports.ts'
import type { FrameStream } from './frame-stream.ts'
import { GossipError } from './gossip-error.ts'
import { SYNC_IDLE_MS, SYNC_MIN_BYTES_PER_SECOND } from './gossip-limits.ts'
import { decodeFrame } from './frame-stream.ts'
import { MAX_SYNC_FRAME_BYTES } from '../core/limits.ts'
import type { SyncHeads } from './sync-heads.ts'
import { encodeQuestion, type SyncQuestion } from './sync-messages.ts'
import type { SyncSource } from './sync-ports.ts'

export interface SyncSessionParts {
  readonly stream: FrameStream
  readonly source: SyncSource
  readonly index: SyncHeads
  readonly peer: NodeId
  readonly clock: Clock
  readonly log: Log
}

/** The asking side of one sync stream: questions out, answers in, and how long the peer let us wait for them. */
export class SyncSession {
  readonly source: SyncSource
  readonly index: SyncHeads
  readonly peer: NodeId
  readonly log: Log
  readonly #stream: FrameStream
  readonly #clock: Clock
  #waitedMs = 0
  #receivedBytes = 0

  constructor({ stream, source, index, peer, clock, log }: SyncSessionParts) {
    this.source = source
    this.index = index
    this.peer = peer
    this.log = log
    this.#stream = stream
    this.#clock = clock
  }

  async ask(question: SyncQuestion): Promise<void> {
    await this.#stream.write(encodeQuestion(question))
  }

  /** The next frame. Throws STREAM_STALLED when the peer, in the whole session, has been too slow. */
  async answer(): Promise<unknown> {
    const askedMs = this.#clock.monotonicMs()
    const bytes = await this.#stream.readBytes()
    this.#waitedMs += this.#clock.monotonicMs() - askedMs
    this.#receivedBytes += bytes.byteLength
    const grantedMs = SYNC_IDLE_MS + (this.#receivedBytes * 1000) / SYNC_MIN_BYTES_PER_SECOND
    if (this.#waitedMs > grantedMs) {
      throw new GossipError({ code: 'STREAM_STALLED', afterMs: Math.round(this.#waitedMs) })
    }
    return decodeFrame(bytes, MAX_SYNC_FRAME_BYTES)
  }
}
