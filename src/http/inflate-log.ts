import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { MAX_INFLATED_LOG_BYTES } from './http-limits.ts'

const CUT = new TextEncoder().encode(
  '\n[commonwheel: the log is longer than this node inflates; ask for gzip]\n'
)

/** Bounded: another node made the archive, and a few kilobytes of gzip can hold gigabytes. */
export async function* inflated(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const source = Readable.from(chunks, { highWaterMark: 1 })
  const gunzip = createGunzip()
  source.on('error', (error) => gunzip.destroy(error))
  let total = 0
  try {
    for await (const chunk of source.pipe(gunzip) as AsyncIterable<Buffer>) {
      total += chunk.byteLength
      if (total > MAX_INFLATED_LOG_BYTES) {
        yield CUT
        return
      }
      yield chunk
    }
  } finally {
    source.destroy()
    gunzip.destroy()
  }
}

/** All of it as text; what is no UTF-8 is replaced. */
export async function inflatedText(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  const parts: string[] = []
  for await (const chunk of inflated(chunks)) parts.push(decoder.decode(chunk, { stream: true }))
  return parts.join('') + decoder.decode()
}
