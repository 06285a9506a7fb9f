import { normalizeName } from '../core/distribution.ts'

/** METADATA with a long description; the header comes first, so that a cut one is as good. */
const MAX_HEADER_BYTES = 64 * 1024

/** Names from the `Requires-Dist` lines of METADATA that are not behind an extra. */
export async function dependenciesIn(metadata: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of metadata) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes >= MAX_HEADER_BYTES) break
  }
  const header =
    Buffer.concat(chunks)
      .toString('utf8')
      .split(/\r?\n\r?\n/)[0] ?? ''
  const names = header.split(/\r?\n/).flatMap((line) => {
    const [, name, rest = ''] = /^Requires-Dist:\s*([A-Za-z0-9][\w.-]*)(.*)$/i.exec(line) ?? []
    return name === undefined || /;.*\bextra\s*==/.test(rest) ? [] : [normalizeName(name)]
  })
  return [...new Set(names)].sort()
}
