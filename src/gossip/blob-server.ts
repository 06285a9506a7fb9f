import { pipe } from 'it-pipe'
import type { NodeId } from '../core/ids.ts'
import { BLOB_PIECE_BYTES, BLOB_STALL_MS } from '../core/limits.ts'
import type { Log, PieceStore } from '../core/ports.ts'
import { MAX_BLOB_FRAME_BYTES, readBlobQuestion, type BlobQuestion } from './blob-messages.ts'
import type { ByteRate } from './byte-rate.ts'
import type { MeshHost } from './create-libp2p.ts'
import type { FrameStream } from './frame-stream.ts'
import { MAX_BLOBS_SERVED, MAX_BLOBS_SERVED_PEER } from './gossip-limits.ts'
import { serveMembers, type ProtocolSpec } from './member-protocol.ts'
import { RangeReader } from './range-reader.ts'

export interface BlobServerParts {
  readonly host: MeshHost
  readonly store: PieceStore
  readonly log: Log
  /** What this node sends of blobs, to all. */
  readonly upload: ByteRate
}

export const BLOB: ProtocolSpec = {
  name: 'blob',
  frames: { maxFrameBytes: MAX_BLOB_FRAME_BYTES, timeoutMs: BLOB_STALL_MS, isBulk: true }
}

/** Sends blobs that this node holds to members, any range of them. Spec: docs/protocol/blobs.md */
export async function serveBlobs(parts: BlobServerParts): Promise<void> {
  const serving = new Map<NodeId, number>()
  let total = 0

  function count(peer: NodeId, change: 1 | -1): void {
    const streams = (serving.get(peer) ?? 0) + change
    total += change
    if (streams === 0) serving.delete(peer)
    else serving.set(peer, streams)
  }

  async function onStream(stream: FrameStream, from: NodeId): Promise<void> {
    if (total >= MAX_BLOBS_SERVED || (serving.get(from) ?? 0) >= MAX_BLOBS_SERVED_PEER) {
      await stream.write({ busy: true })
      return
    }
    count(from, 1)
    const reader = new RangeReader(parts.store)
    try {
      for (;;) {
        const question = readBlobQuestion(await stream.read())
        if (question === undefined) return
        await answer(parts, stream, { question, from, reader })
      }
    } finally {
      count(from, -1)
      await reader.close()
    }
  }

  await serveMembers(parts, BLOB, onStream)
}

interface Asked {
  readonly question: BlobQuestion
  readonly from: NodeId
  readonly reader: RangeReader
}

async function answer(
  parts: BlobServerParts,
  stream: FrameStream,
  { question, from, reader }: Asked
): Promise<void> {
  const { store, upload } = parts
  const { sha256, start, list } = question
  const size = await reader.sizeFor(question)
  if (size === undefined || start > size) {
    await stream.write({ missing: true })
    return
  }
  const pieces = list && size > BLOB_PIECE_BYTES ? await store.pieceList(sha256) : undefined
  await stream.write({ size, list: pieces })
  const end = Math.min(question.end, size)
  if (start >= end) return
  await pipe(
    reader.chunks({ ...question, end }, size),
    (source) => inChunks(source, upload, from),
    (chunks) => stream.send(chunks, { stallMs: BLOB_STALL_MS })
  )
}

/** No chunk over what may go at once, which is what may wait in memory for a slow peer. */
async function* inChunks(
  source: AsyncIterable<Uint8Array>,
  upload: ByteRate,
  to: NodeId
): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    for (let start = 0; start < bytes.byteLength; start += upload.chunkBytes) {
      const chunk = bytes.subarray(start, start + upload.chunkBytes)
      await upload.take(to, chunk.byteLength)
      yield chunk
    }
  }
}
