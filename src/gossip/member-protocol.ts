import type { Connection, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { messageOf } from '../core/errors.ts'
import type { NodeId } from '../core/ids.ts'
import { MAX_STREAMS_PER_PROTOCOL } from '../core/limits.ts'
import type { AbortOptions, Log } from '../core/ports.ts'
import { nodeOf, type MeshHost } from './create-libp2p.ts'
import { frameStream, type FrameStream, type FrameStreamOptions } from './frame-stream.ts'
import { GossipError } from './gossip-error.ts'
import { OPEN_STREAM_TIMEOUT_MS } from './gossip-limits.ts'
import { protocolId, type MeshProtocol } from './topics.ts'

export interface ProtocolParts {
  readonly host: MeshHost
  readonly log: Log
}

export interface ProtocolSpec {
  readonly name: MeshProtocol
  readonly frames: FrameStreamOptions
}

/**
 * Serves a protocol to members. A stranger's stream is reset before one byte of it is read; a handler that throws resets
 * its own.
 */
export async function serveMembers(
  { host, log }: ProtocolParts,
  { name, frames }: ProtocolSpec,
  handle: (stream: FrameStream, from: NodeId) => Promise<void>
): Promise<void> {
  async function onStream(stream: Stream, connection: Connection): Promise<void> {
    const from = nodeOf(connection)
    if (!host.isMember(from)) {
      stream.abort(new GossipError({ code: 'PEER_NOT_MEMBER', peer: from }))
      return
    }
    await handleStream(frameStream(stream, frames), from)
  }

  async function handleStream(stream: FrameStream, from: NodeId): Promise<void> {
    try {
      await handle(stream, from)
      await stream.close()
    } catch (error) {
      log.debug('stream of a peer ended in an error', { protocol: name, from, why: messageOf(error) })
      stream.abort(error)
    }
  }

  await host.libp2p.handle(protocolId(host.meshId, name), onStream, {
    maxInboundStreams: MAX_STREAMS_PER_PROTOCOL,
    maxOutboundStreams: MAX_STREAMS_PER_PROTOCOL
  })
}

export async function unserve(host: MeshHost, name: MeshProtocol): Promise<void> {
  await host.libp2p.unhandle(protocolId(host.meshId, name))
}

/** Opens a protocol to a member, dialling it if need be. Throws PEER_NOT_MEMBER or PEER_UNREACHABLE. */
export async function openToMember(
  host: MeshHost,
  to: NodeId,
  { name, frames }: ProtocolSpec,
  options: AbortOptions = {}
): Promise<FrameStream> {
  if (!host.isMember(to)) throw new GossipError({ code: 'PEER_NOT_MEMBER', peer: to })
  try {
    const timeout = AbortSignal.timeout(OPEN_STREAM_TIMEOUT_MS)
    const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal])
    const protocol = protocolId(host.meshId, name)
    const stream = await host.libp2p.dialProtocol(peerIdFromString(to), protocol, { signal })
    return frameStream(stream, frames)
  } catch (cause) {
    throw new GossipError({ code: 'PEER_UNREACHABLE', peer: to }, { cause })
  }
}
