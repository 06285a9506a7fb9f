import { normalizeName } from '../core/distribution.ts'
import type { Sha256 } from '../core/ids.ts'
import type { BlobStore } from '../core/ports.ts'

/** METADATA with a long description; the header comes first, so that a cut one is as good. */
const MAX_HEADER_BYTES = 64 * 1024

/** Names from the `Requires-Dist` lines of a METADATA blob that are not behind an extra; empty when this node lacks it. */
export async function readDependencies(store: BlobStore, metadata: Sha256): Promise<readonly string[]> {
  if ((await store.size(metadata)) === undefined) return []
  const chunks: Uint8Array[] = []
  for await (const chunk of store.read(metadata, { end: MAX_HEADER_BYTES })) chunks.push(chunk)
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
