import { MAX_ENTRY_BYTES } from '../core/limits.ts'
import type { FeedHead, StoredEntry } from '../core/ports.ts'
import type { FeedId } from '../core/record.ts'

/** Envelopes one after the other, each after its length in four bytes (big-endian): how a backup holds feeds. */
const LENGTH_BYTES = 4
/** Gathered before they are handed on. */
const CHUNK_BYTES = 256 * 1024

/** Every feed up to its head as it is now, each ascending. */
export async function* frameEntries(
  heads: readonly FeedHead[],
  range: (feed: FeedId, fromSeq: number, toSeq?: number) => AsyncIterable<StoredEntry>
): AsyncGenerator<Uint8Array> {
  let chunk: Uint8Array[] = []
  let size = 0
  for (const head of heads) {
    for await (const { bytes } of range(head, 1, head.seq)) {
      const length = new Uint8Array(LENGTH_BYTES)
      new DataView(length.buffer).setUint32(0, bytes.byteLength)
      chunk.push(length, bytes)
      size += LENGTH_BYTES + bytes.byteLength
      if (size < CHUNK_BYTES) continue
      yield Buffer.concat(chunk)
      chunk = []
      size = 0
    }
  }
  if (size > 0) yield Buffer.concat(chunk)
}

/** The envelopes of a stream of frames, however it is cut. Throws a RangeError for what is none. */
export async function* unframeEntries(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array()
  for await (const chunk of chunks) {
    rest = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk])
    for (;;) {
      const length = lengthOf(rest)
      if (length === undefined || rest.byteLength < LENGTH_BYTES + length) break
      yield rest.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
      rest = rest.subarray(LENGTH_BYTES + length)
    }
  }
  if (rest.byteLength > 0) throw new RangeError('the entries end in the middle')
}

function lengthOf(bytes: Uint8Array): number | undefined {
  if (bytes.byteLength < LENGTH_BYTES) return undefined
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  if (length > MAX_ENTRY_BYTES) throw new RangeError(`an entry of ${length} bytes is none`)
  return length
}
