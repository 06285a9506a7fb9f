import { BlobError } from '../core/blob-error.ts'
import type { PieceRange } from '../core/blob-pieces.ts'
import { BLOB_PIECE_BYTES } from '../core/limits.ts'
import type { PartialBlob } from '../core/ports.ts'
import type { BlobSession } from './blob-session.ts'
import { GossipError } from './gossip-error.ts'

/** What a transfer tells while it runs. */
export interface BlobProgress {
  /** The holder has it, and says it is so long. Throw to refuse. */
  onSize(size: number): void
  /** These bytes are kept now, `offset` being where they begin; nothing about them has been checked yet. */
  onChunk(chunk: Uint8Array, offset: number): void
}

/** The store refused: no other holder cures that. */
export class StoreRefusal extends Error {}

/**
 * Brings what `partial` lacks from one holder, from front to back, and commits it. On any failure what came is kept for the
 * next holder, but for BLOB_MISMATCH: then the bytes were wrong and are gone.
 */
export async function fetchInOrder(
  session: BlobSession,
  partial: PartialBlob,
  progress: BlobProgress
): Promise<number> {
  const { size } = await session.head({ list: false })
  progress.onSize(size)
  if (partial.offset > size)
    throw new GossipError({ code: 'PEER_BROKE_PROTOCOL', why: 'it has less than came before' })
  const partAt = (start: number): PieceRange => ({ start, end: Math.min(start + BLOB_PIECE_BYTES, size) })
  for (let at = partial.offset; at < size; at += BLOB_PIECE_BYTES) {
    const part = partAt(at)
    await session.chunks(
      part,
      async (chunk, offset) => {
        await kept(partial.append(chunk))
        progress.onChunk(chunk, offset)
      },
      () => (part.end < size ? partAt(part.end) : undefined)
    )
  }
  return kept(partial.commit())
}

async function kept<T>(storing: Promise<T>): Promise<T> {
  try {
    return await storing
  } catch (cause) {
    if (cause instanceof BlobError) throw cause
    throw new StoreRefusal('the blob store took no more', { cause })
  }
}
