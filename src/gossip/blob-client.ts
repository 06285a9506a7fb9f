import type { NodeId, Sha256 } from '../core/ids.ts'
import { BLOB_STALL_MS } from '../core/limits.ts'
import type { AbortOptions } from '../core/ports.ts'
import { WireError } from '../wire/wire-error.ts'
import { BLOB } from './blob-server.ts'
import { BlobSession } from './blob-session.ts'
import type { ByteRate } from './byte-rate.ts'
import type { MeshHost } from './create-libp2p.ts'
import { GossipError } from './gossip-error.ts'
import { openToMember } from './member-protocol.ts'

export interface BlobClient {
  /** Runs with a session at a peer, which is over when it settles, or when the signal is aborted. */
  with<T>(at: BlobPlace, use: (session: BlobSession) => Promise<T>, options?: AbortOptions): Promise<T>
  /** Size of a blob that a peer says it holds, undefined otherwise, also when it cannot be asked. */
  sizeAt(peer: NodeId, digest: Sha256, options?: AbortOptions): Promise<number | undefined>
}

export interface BlobPlace {
  readonly peer: NodeId
  readonly digest: Sha256
}

export interface BlobClientParts {
  readonly host: MeshHost
  /** What this node takes of blobs, from all. */
  readonly download: ByteRate
  /** A member sent what no honest node can send. */
  readonly blame: (node: NodeId, rule: string) => void
  /** Nothing for this long ends a transfer. */
  readonly stallMs?: number
}

export function createBlobClient(parts: BlobClientParts): BlobClient {
  const { host, download, blame, stallMs = BLOB_STALL_MS } = parts

  async function withSession<T>(
    { peer, digest }: BlobPlace,
    use: (session: BlobSession) => Promise<T>,
    options: AbortOptions = {}
  ): Promise<T> {
    // one of its own: many listeners of one signal make node warn of a leak
    const signal = options.signal === undefined ? undefined : AbortSignal.any([options.signal])
    const stream = await openToMember(host, peer, BLOB, signal === undefined ? {} : { signal })
    const session = new BlobSession({ stream, peer, digest, download, stallMs })
    const onAbort = (): void => {
      session.abort(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const result = await use(session)
      await session.close()
      return result
    } catch (error) {
      session.abort(error)
      if (isDishonest(error)) blame(peer, 'blob-malformed')
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  return {
    with: withSession,
    async sizeAt(peer, digest, options) {
      try {
        const { size } = await withSession(
          { peer, digest },
          (session) => session.head({ list: false }),
          options
        )
        return size
      } catch {
        return undefined
      }
    }
  }
}

/** Wrong bytes may be those of a worn SD card; frames that are none, sizes and lists that cannot be, are made. */
function isDishonest(error: unknown): boolean {
  return error instanceof WireError || (error instanceof GossipError && error.code === 'FRAME_TOO_LARGE')
}
