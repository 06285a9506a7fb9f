import { pipe } from 'it-pipe'
import { BlobError } from '../core/blob-error.ts'
import type { NodeId, Sha256 } from '../core/ids.ts'
import { BLOB_STALL_MS, MAX_BLOB_BYTES } from '../core/limits.ts'
import type { AbortOptions, PartialBlob } from '../core/ports.ts'
import { readBlobAnswer, type BlobAnswer, type BlobQuestion } from './blob-messages.ts'
import { BLOB } from './blob-server.ts'
import type { MeshHost } from './create-libp2p.ts'
import type { FrameStream } from './frame-stream.ts'
import { GossipError } from './gossip-error.ts'
import { openToMember } from './member-protocol.ts'

/** What a transfer tells while it runs. */
export interface BlobProgress {
  /** The holder has it, and says it is so long. Throw to refuse. */
  onSize(size: number): void
  /** These bytes are kept now, `offset` being where they begin; nothing about them has been checked yet. */
  onChunk(chunk: Uint8Array, offset: number): void
}

export interface BlobClient {
  /** Size of a blob that a peer says it holds, undefined otherwise, also when it cannot be asked. */
  sizeAt(peer: NodeId, digest: Sha256, options?: AbortOptions): Promise<number | undefined>
  /**
   * Brings what `partial` lacks from one peer, and commits it. On any failure what came is kept for the next peer, but
   * for BLOB_MISMATCH: then the bytes were wrong and are gone.
   */
  fetch(
    peer: NodeId,
    wanted: { readonly digest: Sha256; readonly partial: PartialBlob },
    progress: BlobProgress,
    options?: AbortOptions
  ): Promise<number>
}

export interface BlobClientOptions {
  /** Nothing for this long ends a transfer. */
  readonly stallMs?: number
}

export function createBlobClient(
  host: MeshHost,
  { stallMs = BLOB_STALL_MS }: BlobClientOptions = {}
): BlobClient {
  async function sizeAt(
    peer: NodeId,
    digest: Sha256,
    options: AbortOptions = {}
  ): Promise<number | undefined> {
    try {
      const { stream, answer } = await ask(host, peer, { sha256: digest, offset: 0, head: true }, options)
      await stream.close()
      return answer.kind === 'held' ? answer.size : undefined
    } catch {
      return undefined
    }
  }

  async function fetch(
    peer: NodeId,
    { digest, partial }: { readonly digest: Sha256; readonly partial: PartialBlob },
    progress: BlobProgress,
    options: AbortOptions = {}
  ): Promise<number> {
    let received = partial.offset
    try {
      const question = { sha256: digest, offset: partial.offset, head: false }
      const { stream, answer } = await ask(host, peer, question, options)
      const stop = abortOn(stream, options.signal)
      try {
        const size = sizeOf(answer, digest)
        progress.onSize(size)
        await pipe(stream.rest({ stallMs }), upTo(size - received), async (source) => {
          for await (const chunk of source) {
            await partial.append(chunk)
            progress.onChunk(chunk, received)
            received += chunk.byteLength
          }
        })
        if (received < size) throw new GossipError({ code: 'STREAM_ENDED', afterBytes: received })
        await stream.close()
      } catch (error) {
        stream.abort(error)
        throw error
      } finally {
        stop()
      }
    } catch (error) {
      await partial.suspend()
      options.signal?.throwIfAborted()
      throw error
    }
    return partial.commit()
  }

  return { sizeAt, fetch }
}

async function ask(
  host: MeshHost,
  peer: NodeId,
  question: BlobQuestion,
  options: AbortOptions
): Promise<{ readonly stream: FrameStream; readonly answer: BlobAnswer }> {
  const stream = await openToMember(host, peer, BLOB, options)
  try {
    await stream.write(question)
    return { stream, answer: readBlobAnswer(await stream.read()) }
  } catch (error) {
    stream.abort(error)
    throw error
  }
}

function sizeOf(answer: BlobAnswer, digest: Sha256): number {
  if (answer.kind !== 'held') throw new BlobError({ code: 'BLOB_MISSING', digest })
  if (answer.size > MAX_BLOB_BYTES) throw new BlobError({ code: 'BLOB_TOO_LARGE', maxBytes: MAX_BLOB_BYTES })
  return answer.size
}

/** Takes no more than was announced, whatever else the peer sends. */
function upTo(count: number): (source: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  return async function* (source) {
    let left = count
    if (left <= 0) return
    for await (const chunk of source) {
      yield chunk.subarray(0, left)
      left -= chunk.byteLength
      if (left <= 0) return
    }
  }
}

function abortOn(stream: FrameStream, signal: AbortSignal | undefined): () => void {
  const onAbort = (): void => {
    stream.abort(signal?.reason)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  return () => {
    signal?.removeEventListener('abort', onAbort)
  }
}
