import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { parseSha256, type Sha256 } from '../../src/core/ids.ts'
import { blobPaths } from '../../src/storage/blob-paths.ts'
import { blobFolder } from '../../src/storage/keys.ts'
import { buildsOf } from '../../test/support/mesh-views.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'
import { servedFiles } from './served.ts'

/** Bytes that the mesh is to keep. */
export interface KeptBlob {
  readonly sha256: Sha256
  /** By which its holders are chosen: of METADATA its wheel's digest. */
  readonly key: Sha256
  readonly kind: 'wheel' | 'metadata' | 'log'
}

/** Listed wheels with their METADATA, and the logs of all results, as one node knows them. */
export async function keptBlobs(
  node: NodeProcess,
  projects: readonly string[]
): Promise<readonly KeptBlob[]> {
  const kept = new Map<Sha256, KeptBlob>()
  for (const { log } of await buildsOf(node)) {
    const digest = parseSha256(log)
    kept.set(digest, { sha256: digest, key: digest, kind: 'log' })
  }
  for (const { path, sha256 } of await servedFiles(node, projects)) {
    const digest = parseSha256(sha256)
    const key = parseSha256(/^\/files\/([0-9a-f]+)\//.exec(path)?.[1])
    kept.set(digest, { sha256: digest, key, kind: path.endsWith('.metadata') ? 'metadata' : 'wheel' })
  }
  return [...kept.values()]
}

/** Those that a data folder has, with the bytes that their names promise. */
export async function goodBlobs(dataDir: string, kept: readonly KeptBlob[]): Promise<ReadonlySet<Sha256>> {
  const good = new Set<Sha256>()
  for (const { sha256 } of kept) if ((await storedDigest(dataDir, sha256)) === sha256) good.add(sha256)
  return good
}

/** Those that a data folder has with other bytes: whoever asks for them is given rubbish. */
export async function badBlobs(dataDir: string, kept: readonly KeptBlob[]): Promise<readonly Sha256[]> {
  const bad: Sha256[] = []
  for (const { sha256 } of kept) {
    const found = await storedDigest(dataDir, sha256)
    if (found !== undefined && found !== sha256) bad.push(sha256)
  }
  return bad
}

/** Whether a blob has its place in a data folder; nothing is read. */
export async function hasBlob(dataDir: string, sha256: Sha256): Promise<boolean> {
  return stat(blobFile(dataDir, sha256)).then(
    () => true,
    () => false
  )
}

export function blobFile(dataDir: string, sha256: Sha256): string {
  return blobPaths(blobFolder(dataDir)).blob(sha256)
}

/** Digest of the bytes that lie under a blob's name; undefined when nothing does. */
export async function storedDigest(dataDir: string, sha256: Sha256): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(blobFile(dataDir, sha256))) hash.update(chunk as Buffer)
    return hash.digest('hex')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
