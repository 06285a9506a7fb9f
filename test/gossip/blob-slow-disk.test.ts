import { expect, test, vi } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { BLOB_PIECE_BYTES } from '../../src/core/limits.ts'
import { listDigestOf } from '../support/piece-list.ts'
import { noise } from './memory-blobs.ts'
import { startMesh } from './mesh.ts'

/** Of five pieces. */
const bytes = noise(4 * BLOB_PIECE_BYTES + 1_000)
const digest = sha256Hex(bytes)
const about = { size: bytes.byteLength, pieces: listDigestOf(bytes) }

test('a disk that is slower than the link makes the link wait, and the holder is not left for it', async () => {
  const [reader, holder] = await startMesh(['reader', 'holder'], { isTcp: true })
  holder!.blobs.put(bytes)
  const byPieces = reader!.blobs.byPieces.bind(reader!.blobs)
  reader!.blobs.byPieces = async (name, plan) => {
    const blob = await byPieces(name, plan)
    return {
      ...blob,
      // the first is kept at once, so that its memory is used again before the others are
      put: async (index, piece) => {
        if (index > 0) await new Promise((resolve) => setTimeout(resolve, 100))
        return blob.put(index, piece)
      }
    }
  }
  const lists = vi.spyOn(holder!.blobs, 'pieceList')
  expect(await reader!.network.blobs.ensure(digest, { about, hint: [holder!.id] })).toBe(bytes.byteLength)
  // asked for once a session: all came in one
  expect(lists).toHaveBeenCalledTimes(1)
})
