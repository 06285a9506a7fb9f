import type { Sha256 } from '../core/ids.ts'
import { PROOF_BYTES } from '../core/limits.ts'
import type { BlobStore, Random } from '../core/ports.ts'
import type { BlobMeter } from './blob-meter.ts'
import type { BlobSample } from './replica-ports.ts'

/** Some bytes of a blob that is here, from where nobody can foresee: whoever shows the same has it, or asks somebody who has. */
export async function sampleOf(
  { meter, random }: { readonly meter: BlobMeter<BlobStore>; readonly random: Random },
  digest: Sha256,
  size: number
): Promise<BlobSample> {
  const offset = Math.floor(random.float() * Math.max(1, size - PROOF_BYTES))
  const bytes = new Uint8Array(Math.min(size, offset + PROOF_BYTES) - offset)
  let at = 0
  for await (const chunk of meter.peek(digest, { start: offset, end: offset + bytes.byteLength })) {
    bytes.set(chunk.subarray(0, bytes.byteLength - at), at)
    at += chunk.byteLength
  }
  return { offset, bytes }
}
