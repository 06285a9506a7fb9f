import type { Connection, Stream } from '@libp2p/interface'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import { MAX_STREAMS_PER_PROTOCOL } from '../core/limits.ts'
import type { Log } from '../core/ports.ts'
import { nodeOf, type MeshHost } from './create-libp2p.ts'
import { readAgreement, readHello, refusal, type Hello, type Refusal } from './door-messages.ts'
import type { Door } from './door-ports.ts'
import { frameStream, type FrameStream } from './frame-stream.ts'
import { HELLO_TIMEOUT_MS, MAX_DOOR_FRAME_BYTES } from './gossip-limits.ts'
import type { RateLimit } from './rate-limit.ts'
import { protocolId } from './topics.ts'

export interface HelloParts {
  readonly host: MeshHost
  readonly door: Door
  readonly strangers: RateLimit
  readonly log: Log
}

export interface HelloOptions {
  /** Version of this program, for the other side's logs. */
  readonly software: string
  /** Both sides know each other for members: the connection is ready for everything else. */
  onMember(node: NodeId): void
  /** The other side will not have us, or is of another mesh: no use in dialling it soon. */
  onRefused(node: NodeId, reason: string): void
}

const AGREED = {}

/**
 * The member-to-member greeting, in three messages: the dialer's hello, the answer, the dialer's agreement. Only after it
 * do both sides identify each other, which makes gossipsub open its streams: so neither sends subscriptions to a peer
 * that would still take it for a stranger. Spec: docs/protocol/membership.md
 */
export async function serveHello(parts: HelloParts, options: HelloOptions): Promise<() => Promise<void>> {
  const { host, log } = parts
  const protocol = protocolId(host.meshId, 'hello')

  function onOpen({ detail: connection }: CustomEvent<Connection>): void {
    if (connection.direction === 'inbound') return
    greet(connection).catch((error: unknown) => {
      log.debug('greeting failed', { peer: nodeOf(connection), why: messageOf(error) })
      options.onRefused(nodeOf(connection), messageOf(error))
      connection.abort(error instanceof Error ? error : new Error('greeting failed'))
    })
  }

  async function greet(connection: Connection): Promise<void> {
    const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(HELLO_TIMEOUT_MS) })
    const frames = framesOf(stream)
    await frames.write(ownHello(parts, options))
    const answer = readHello(await frames.read())
    const refused = await judge(parts, nodeOf(connection), answer)
    if (!('refused' in answer)) await frames.write(refused ?? AGREED)
    await frames.close()
    await finish(connection, refused)
  }

  async function onStream(stream: Stream, connection: Connection): Promise<void> {
    const frames = framesOf(stream)
    try {
      await finish(connection, await receive(frames, nodeOf(connection)))
    } catch (error) {
      log.debug('a greeting ended early', { from: nodeOf(connection), why: messageOf(error) })
      frames.abort(error)
    }
  }

  async function receive(frames: FrameStream, from: NodeId): Promise<Refusal | undefined> {
    const refused = await judge(parts, from, readHello(await frames.read()))
    await frames.write(refused ?? ownHello(parts, options))
    const answer = refused ?? readAgreement(await frames.read())
    await frames.close()
    return answer
  }

  async function finish(connection: Connection, refused: Refusal | undefined): Promise<void> {
    const node = nodeOf(connection)
    if (refused === undefined) {
      await host.identify(connection)
      options.onMember(node)
      return
    }
    log.debug('greeting refused', { node, reason: refused.refused })
    options.onRefused(node, refused.refused)
    await connection.close()
  }

  host.libp2p.addEventListener('connection:open', onOpen)
  await host.libp2p.handle(protocol, onStream, {
    maxInboundStreams: 2,
    maxOutboundStreams: MAX_STREAMS_PER_PROTOCOL
  })
  return async () => {
    host.libp2p.removeEventListener('connection:open', onOpen)
    await host.libp2p.unhandle(protocol)
  }
}

function framesOf(stream: Stream): FrameStream {
  return frameStream(stream, { maxFrameBytes: MAX_DOOR_FRAME_BYTES, timeoutMs: HELLO_TIMEOUT_MS })
}

function ownHello({ host, door }: HelloParts, { software }: HelloOptions): Hello {
  return { v: 1, meshId: host.meshId, software, chain: door.chain() }
}

/** Undefined: the other side is a member. A known one is never asked for proofs, so that old tickets may expire. */
async function judge(parts: HelloParts, from: NodeId, hello: Hello | Refusal): Promise<Refusal | undefined> {
  if ('refused' in hello) return hello
  if (hello.meshId !== parts.host.meshId) return refusal('this node belongs to another mesh')
  if (parts.host.isMember(from)) return undefined
  if (!parts.strangers.take(from)) return refusal('too many greetings, try again in a while')
  if (hello.chain.length === 0) return refusal('no member of this mesh, as far as this node knows')
  const admission = await parts.door.admit(from, hello.chain)
  if (admission !== 'welcome') return refusal(admission.refused)
  return parts.host.isMember(from) ? undefined : refusal('the proof was taken, yet made no member')
}
