import type { Connection, Stream } from '@libp2p/interface'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import type { Log } from '../core/ports.ts'
import { nodeOf, type MeshHost } from './create-libp2p.ts'
import { readQuestion, refusal, type DoorQuestion } from './door-messages.ts'
import type { Door } from './door-ports.ts'
import { frameStream } from './frame-stream.ts'
import { MAX_DOOR_FRAME_BYTES } from './gossip-limits.ts'
import type { RateLimit } from './rate-limit.ts'
import { DOOR_PROTOCOL } from './topics.ts'

export interface DoorServerParts {
  readonly host: MeshHost
  readonly door: Door
  readonly strangers: RateLimit
  readonly log: Log
}

/** Streams of one connection at the door: a stranger has one question at a time. */
const MAX_DOOR_STREAMS = 2

/** Answers strangers: one question a stream. Spec: docs/protocol/membership.md */
export async function serveDoor(parts: DoorServerParts): Promise<void> {
  await parts.host.libp2p.handle(DOOR_PROTOCOL, (stream, connection) => onStream(parts, stream, connection), {
    maxInboundStreams: MAX_DOOR_STREAMS,
    maxOutboundStreams: MAX_DOOR_STREAMS
  })
}

async function onStream(parts: DoorServerParts, stream: Stream, connection: Connection): Promise<void> {
  const from = nodeOf(connection)
  const frames = frameStream(stream, { maxFrameBytes: MAX_DOOR_FRAME_BYTES })
  try {
    if (!parts.strangers.take(from)) {
      await frames.write(refusal('too many questions, ask again in a while'))
    } else {
      await frames.write(await answer(parts, from, readQuestion(await frames.read())))
    }
    await frames.close()
  } catch (error) {
    parts.log.debug('a question at the door had no answer', { from, why: messageOf(error) })
    frames.abort(error)
  }
}

async function answer({ door, log }: DoorServerParts, from: NodeId, question: DoorQuestion): Promise<object> {
  const mesh = door.describe()
  if (question.ask === 'describe') return mesh
  if (question.ask === 'offer') {
    if (!mesh.accepts) return refusal('this mesh takes nobody without a ticket')
    const offer = await door.offer(from, question)
    if ('refused' in offer) return refusal(offer.refused)
    log.info('let a node in without a ticket', { node: from, label: question.label })
    return { genesis: mesh.genesis, proof: offer.proof }
  }
  if (question.meshId !== mesh.meshId) return refusal('this node belongs to another mesh')
  const admission = await door.admit(from, question.chain)
  if (admission !== 'welcome') return refusal(admission.refused)
  log.info('let a node in by its ticket', { node: from })
  return { genesis: mesh.genesis }
}
