import type { PeerId } from '@libp2p/interface'
import type { NodeId } from '../core/ids.ts'
import { MAX_COORD_BYTES } from '../core/limits.ts'
import type { Clock, Log, Messenger } from '../core/ports.ts'
import { createBackground } from './background.ts'
import type { MeshHost } from './create-libp2p.ts'
import type { FrameStream } from './frame-stream.ts'
import { MAX_OUTBOXES } from './gossip-limits.ts'
import { serveMembers, unserve, type ProtocolSpec } from './member-protocol.ts'
import { createOutbox, type MessageOutbox } from './message-outbox.ts'

export interface MessengerParts {
  readonly host: MeshHost
  readonly clock: Clock
  readonly log: Log
}

export interface StartableMessenger extends Messenger {
  start(): Promise<void>
  stop(): Promise<void>
}

/** Reading waits for as long as the sender is connected. */
const INBOUND: ProtocolSpec = {
  name: 'message',
  frames: { maxFrameBytes: MAX_COORD_BYTES, timeoutMs: undefined }
}

/** One long-lived stream a peer and direction; whatever cannot be delivered soon is dropped. */
export function createMessenger({ host, clock, log }: MessengerParts): StartableMessenger {
  const outboxes = new Map<NodeId, MessageOutbox>()
  const background = createBackground(log)
  let handler: Parameters<Messenger['onMessage']>[0] | undefined

  function outboxOf(to: NodeId): MessageOutbox {
    const outbox = outboxes.get(to) ?? createOutbox({ host, clock, background, log }, to)
    // insertion order is order of use: the first one was quiet for longest
    outboxes.delete(to)
    outboxes.set(to, outbox)
    const [oldest] = outboxes.keys()
    if (outboxes.size > MAX_OUTBOXES && oldest !== undefined) forget(oldest, new Error('quiet for too long'))
    return outbox
  }

  function forget(node: NodeId, reason: unknown): void {
    outboxes.get(node)?.drop(reason)
    outboxes.delete(node)
  }

  async function receive(stream: FrameStream, from: NodeId): Promise<void> {
    // membership may end while the stream lives
    for (;;) {
      const message = await stream.readBytes()
      if (!host.isMember(from)) return
      handler?.(from, message)
    }
  }

  function onDisconnect({ detail }: CustomEvent<PeerId>): void {
    forget(detail.toString() as NodeId, new Error('peer disconnected'))
  }

  return {
    send(to, message) {
      if (to === host.nodeId) background.run('message to itself', async () => handler?.(to, message))
      else if (host.isMember(to)) outboxOf(to).push(message)
    },
    onMessage(next) {
      handler = next
    },
    async start() {
      host.libp2p.addEventListener('peer:disconnect', onDisconnect)
      await serveMembers({ host, log }, INBOUND, receive)
    },
    async stop() {
      host.libp2p.removeEventListener('peer:disconnect', onDisconnect)
      await unserve(host, 'message')
      for (const node of [...outboxes.keys()]) forget(node, new Error('messenger stopped'))
      await background.stop()
    }
  }
}
