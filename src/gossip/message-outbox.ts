import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import { MAX_COORD_BYTES } from '../core/limits.ts'
import type { Clock, Log } from '../core/ports.ts'
import type { Background } from './background.ts'
import type { MeshHost } from './create-libp2p.ts'
import type { FrameStream } from './frame-stream.ts'
import { DEAD_PEER_MS, FRAME_TIMEOUT_MS, MAX_QUEUED_MESSAGES } from './gossip-limits.ts'
import { openToMember, type ProtocolSpec } from './member-protocol.ts'

export interface OutboxParts {
  readonly host: MeshHost
  readonly clock: Clock
  readonly background: Background
  readonly log: Log
}

/** Messages to one peer, and the stream that they go out on. */
export interface MessageOutbox {
  push(message: Uint8Array): void
  /** Drops what waits and closes the stream. */
  drop(reason: unknown): void
}

const OUTBOUND: ProtocolSpec = {
  name: 'message',
  frames: { maxFrameBytes: MAX_COORD_BYTES, timeoutMs: FRAME_TIMEOUT_MS }
}

/** Sends in order over one stream, opened when needed. What a dead peer should have got is dropped. */
export function createOutbox({ host, clock, background, log }: OutboxParts, to: NodeId): MessageOutbox {
  let queue: Uint8Array[] = []
  let stream: FrameStream | undefined
  let isSending = false
  let deadUntilMs = 0

  async function deliver(signal: AbortSignal): Promise<void> {
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        if (stream?.isOpen !== true) stream = await openToMember(host, to, OUTBOUND, { signal })
        await stream.writeBytes(next)
      }
    } catch (error) {
      log.debug('messages to a peer dropped', { to, dropped: queue.length + 1, why: messageOf(error) })
      deadUntilMs = clock.monotonicMs() + DEAD_PEER_MS
      drop(error)
    } finally {
      isSending = false
    }
  }

  function drop(reason: unknown): void {
    queue = []
    stream?.abort(reason)
    stream = undefined
  }

  return {
    push(message) {
      if (clock.monotonicMs() < deadUntilMs) return
      queue.push(message)
      if (queue.length > MAX_QUEUED_MESSAGES) queue.shift()
      if (isSending) return
      isSending = true
      background.run('send messages', deliver)
    },
    drop
  }
}
