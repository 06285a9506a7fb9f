import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256Hex } from '../../src/core/digest.ts'
import { feedKey } from '../../src/core/feed-heads.ts'
import type { MeshRecord } from '../../src/core/record.ts'
import { databaseFolder, parseEntryKey } from '../../src/storage/keys.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { isEntrySigned, openEntry } from '../../src/wire/envelope.ts'
import { createVerifier } from '../../src/wire/keys.ts'

/** One entry of a feed as it lies on a disk. */
export interface Link {
  readonly seq: number
  readonly hash: string
  /** Hash that it names as the one before, `''` for the first. */
  readonly prev: string
  readonly isSigned: boolean
  readonly records: readonly MeshRecord[]
}

/** Links in the order of their numbers, by feed. */
export type Feeds = ReadonlyMap<string, readonly Link[]>

/**
 * All feeds on the disk of a node that does not run. A copy is read: to open a database is to change it, and what a power cut
 * left in its log must still be there when bytes of it are flipped.
 */
export async function feedsOnDisk(dataDir: string): Promise<Feeds> {
  const copy = await mkdtemp(join(tmpdir(), 'commonwheel-feeds-'))
  try {
    await cp(databaseFolder(dataDir), databaseFolder(copy), { recursive: true })
    return await readFeeds(copy)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

async function readFeeds(dataDir: string): Promise<Feeds> {
  const verifier = createVerifier()
  const database = await openDatabase(dataDir)
  try {
    const feeds = new Map<string, Link[]>()
    for await (const [key, bytes] of database.entries.iterator()) {
      const place = parseEntryKey(key)
      const { prev, records } = openEntry(bytes)
      const isSigned = isEntrySigned(verifier, place, bytes)
      const link = { seq: place.seq, hash: sha256Hex(bytes), prev, isSigned, records }
      const links = feeds.get(feedKey(place))
      if (links === undefined) feeds.set(feedKey(place), [link])
      else links.push(link)
    }
    return feeds
  } finally {
    await database.close()
  }
}
