import { sha256Hex } from '../../src/core/digest.ts'
import type { Sha256 } from '../../src/core/ids.ts'
import type { BlobPart } from '../../src/core/ports.ts'
import type { FileSource, ServedFile } from '../../src/http/file-routes.ts'

/** Blobs in memory, and what was asked of them. */
export class MemoryFiles implements FileSource {
  readonly served = new Map<string, ServedFile | 'gone'>()
  readonly blobs = new Map<string, Uint8Array>()
  readonly opened: string[] = []
  /** Ends a stream after so many bytes with an error, or silently when `true`. */
  breakAfterBytes: number | undefined
  endSilently = false
  unreachable = false
  /** Streams begun and not yet ended. */
  reading = 0
  /** Digests of which small parts are given at once. */
  readonly checked = new Set<string>()

  add(filename: string, bytes: Uint8Array, metadata = 'Metadata-Version: 2.1\n'): Sha256 {
    const digest = sha256Hex(bytes)
    const metadataDigest = sha256Hex(metadata)
    this.blobs.set(digest, bytes)
    this.blobs.set(metadataDigest, Buffer.from(metadata))
    this.served.set(digest, {
      filename,
      size: bytes.byteLength,
      metadata: metadataDigest,
      metadataSize: Buffer.byteLength(metadata)
    })
    return digest
  }

  find(digest: Sha256, filename: string): ServedFile | 'gone' | undefined {
    return [this.served.get(digest)].find((file) => file === 'gone' || file?.filename === filename)
  }

  part(
    digest: Sha256,
    { start, end, size }: BlobPart
  ): Promise<Uint8Array<ArrayBuffer> | undefined> | undefined {
    if (!this.checked.has(digest)) return undefined
    const bytes = this.blobs.get(digest)
    return Promise.resolve(
      bytes?.byteLength === size ? new Uint8Array(bytes.subarray(start, end)) : undefined
    )
  }

  async open(
    digest: Sha256,
    range?: { readonly start: number; readonly end: number }
  ): Promise<{ size: number; chunks: AsyncIterable<Uint8Array> }> {
    this.opened.push(digest)
    const bytes = this.blobs.get(digest)
    if (bytes === undefined || this.unreachable) throw new Error('nobody has it')
    return { size: bytes.byteLength, chunks: this.#chunks(bytes.subarray(range?.start ?? 0, range?.end)) }
  }

  async *#chunks(bytes: Uint8Array): AsyncIterable<Uint8Array> {
    this.reading += 1
    try {
      const step = 64 * 1024
      for (let offset = 0; offset < bytes.byteLength; offset += step) {
        const left = this.breakAfterBytes === undefined ? Infinity : this.breakAfterBytes - offset
        if (left <= 0 && this.endSilently) return
        if (left <= 0) throw new Error('the holder went away')
        yield bytes.subarray(offset, Math.min(offset + step, offset + left))
      }
    } finally {
      this.reading -= 1
    }
  }
}
