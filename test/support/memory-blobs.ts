import { BlobError } from '../../src/core/blob-error.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { Sha256 } from '../../src/core/ids.ts'
import type { BlobStore } from '../../src/core/ports.ts'

/** A blob store that forgets: only what builders use of it. */
export function memoryBlobs(): BlobStore & { readonly bytes: Map<Sha256, Uint8Array> } {
  const bytes = new Map<Sha256, Uint8Array>()
  return {
    bytes,
    size: async (digest) => bytes.get(digest)?.byteLength,
    read: async function* (digest, range = {}) {
      const found = bytes.get(digest)
      if (found === undefined) throw new BlobError({ code: 'BLOB_MISSING', digest })
      yield found.subarray(range.start, range.end)
    },
    write: async (source) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of source) chunks.push(chunk)
      const whole = Buffer.concat(chunks)
      const digest = sha256Hex(whole)
      bytes.set(digest, whole)
      return { digest, size: whole.byteLength }
    },
    partial: async () => Promise.reject(new TypeError('not for these tests')),
    list: async function* () {
      for (const [digest, { byteLength }] of bytes) yield { digest, size: byteLength }
    },
    remove: async (digest) => {
      bytes.delete(digest)
    }
  }
}
