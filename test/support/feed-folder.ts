import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../../src/core/digest.ts'
import type { Sha256 } from '../../src/core/ids.ts'
import type { Log, StoredEntry } from '../../src/core/ports.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import { openStorage, type OpenedStorage } from '../../src/node/open-storage.ts'
import { databaseFolder } from '../../src/storage/keys.ts'
import { createEntryCodec } from '../../src/wire/entry-codec.ts'
import { sealEntry } from '../../src/wire/envelope.ts'
import { sealGenesis } from '../../src/wire/genesis.ts'
import { createVerifier } from '../../src/wire/keys.ts'
import { signerOf } from './fixture-keys.ts'
import { aGenesis } from './make-record.ts'
import { silentLog } from './test-ports.ts'

/** A data folder with signed feeds in real LevelDB files. */

export const GENESIS = sealGenesis(aGenesis({ roots: [signerOf('self').nodeId] }))
export const SELF = signerOf('self').nodeId
export const FEED_INCARNATION = '00000000000000aa'

export function feedCodec(): ReturnType<typeof createEntryCodec> {
  return createEntryCodec(GENESIS.meshId, signerOf('self'), createVerifier())
}

export function openFeeds(folder: string, log: Log = silentLog): Promise<OpenedStorage> {
  return openStorage(folder, { self: SELF, log, codec: feedCodec() })
}

/** `count` entries of `name`'s feed after `prev`, each with about `bytes` of text that cannot be compressed. */
export function signedEntries(
  name: string,
  { fromSeq, count, prev = '', bytes = 600 }: SignedPlan
): readonly StoredEntry[] {
  const signer = signerOf(name)
  const entries: StoredEntry[] = []
  let before: Sha256 | '' = prev
  for (let seq = fromSeq; seq < fromSeq + count; seq++) {
    const records: readonly MeshRecord[] = [skip(`${name} ${seq}`, bytes)]
    const entry = sealEntry(signer, {
      meshId: GENESIS.meshId,
      incarnation: FEED_INCARNATION,
      seq,
      prev: before,
      records
    })
    before = entry.hash
    entries.push(entry)
  }
  return entries
}

interface SignedPlan {
  readonly fromSeq: number
  readonly count: number
  readonly prev?: Sha256 | ''
  readonly bytes?: number
}

/** Text that looks random, the same for the same words: LevelDB stores it as it is. */
function skip(words: string, bytes: number): MeshRecord {
  let text = ''
  for (let state = words.length + 7; text.length < bytes;) {
    for (const letter of words) state = (state * 48_271 + letter.charCodeAt(0)) % 2_147_483_647
    text += state.toString(36)
  }
  return { kind: 'retract', file: sha256Hex(words), reason: text.slice(0, bytes) }
}

/** Names of the database's files that match. */
export async function databaseFiles(folder: string, pattern: RegExp): Promise<readonly string[]> {
  const names = await readdir(databaseFolder(folder))
  return names
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(databaseFolder(folder), name))
}

/** The largest file that matches: what hits it hits what is in use. */
export async function largestFile(folder: string, pattern: RegExp): Promise<string> {
  const sized = await Promise.all(
    (await databaseFiles(folder, pattern)).map(async (path) => ({ path, size: (await stat(path)).size }))
  )
  const [largest] = sized.sort((a, b) => b.size - a.size)
  if (largest === undefined) throw new Error(`no file like ${String(pattern)}`)
  return largest.path
}

/** Turns one byte over, at a share of the file's length. */
export async function flipByte(path: string, share: number): Promise<void> {
  const bytes = await readFile(path)
  const at = Math.min(bytes.byteLength - 1, Math.floor(bytes.byteLength * share))
  bytes[at] = (bytes[at] ?? 0) ^ 0x5a
  await writeFile(path, bytes)
}

export async function cutFile(path: string, share: number): Promise<void> {
  await truncate(path, Math.floor((await stat(path)).size * share))
}
