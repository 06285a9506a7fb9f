import { pipe } from 'it-pipe'
import { BLOB_CHUNK_BYTES, BLOB_STALL_MS } from '../core/limits.ts'
import type { BlobStore, Log } from '../core/ports.ts'
import { MAX_BLOB_FRAME_BYTES, readBlobQuestion } from './blob-messages.ts'
import type { MeshHost } from './create-libp2p.ts'
import type { FrameStream } from './frame-stream.ts'
import { MAX_BLOBS_SERVED } from './gossip-limits.ts'
import { serveMembers, type ProtocolSpec } from './member-protocol.ts'

export interface BlobServerParts {
  readonly host: MeshHost
  readonly store: BlobStore
  readonly log: Log
}

export const BLOB: ProtocolSpec = { name: 'blob', frames: { maxFrameBytes: MAX_BLOB_FRAME_BYTES } }

/** Sends blobs that this node holds to members, from any offset. Spec: docs/protocol/blobs.md */
export async function serveBlobs(parts: BlobServerParts): Promise<void> {
  let serving = 0

  async function onStream(stream: FrameStream): Promise<void> {
    if (serving >= MAX_BLOBS_SERVED) {
      await stream.write({ busy: true })
      return
    }
    serving += 1
    try {
      await answer(parts.store, stream)
    } finally {
      serving -= 1
    }
  }

  await serveMembers(parts, BLOB, onStream)
}

async function answer(store: BlobStore, stream: FrameStream): Promise<void> {
  const { sha256, offset, head } = readBlobQuestion(await stream.read())
  const size = await store.size(sha256)
  if (size === undefined || offset > size) {
    await stream.write({ missing: true })
    return
  }
  await stream.write({ size })
  if (head || offset === size) return
  await pipe(store.read(sha256, { start: offset }), inChunks, (source) =>
    stream.send(source, { stallMs: BLOB_STALL_MS })
  )
}

/** Whatever the store's reads are: no chunk over the limit, which is what may wait in memory for a slow peer. */
async function* inChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    for (let start = 0; start < bytes.byteLength; start += BLOB_CHUNK_BYTES) {
      yield bytes.subarray(start, start + BLOB_CHUNK_BYTES)
    }
  }
}
