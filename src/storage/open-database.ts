import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import type { AbstractLevel, AbstractSublevel } from 'abstract-level'
import { Level } from 'level'
import { syncFolder } from './files.ts'
import { databaseFolder, KEY_SPACES, madeMarker, SCHEMA_KEY, SCHEMA_VERSION } from './keys.ts'
import { DatabaseHealth } from './database-health.ts'
import { lockHolder } from './lock-holder.ts'
import { lockedError, START_OVER, StorageError, toStorageError } from './storage-error.ts'

type Stored = string | Buffer | Uint8Array
/** LevelDB on disk, memory-level in tests. */
export type AnyLevel = AbstractLevel<Stored, string, Uint8Array>
export type KeySpace = AbstractSublevel<AnyLevel, Stored, string, Uint8Array>

export interface Database {
  readonly level: AnyLevel
  /** Where it lies, for messages to people. */
  readonly folder: string
  readonly meta: KeySpace
  readonly entries: KeySpace
  readonly heads: KeySpace
  readonly state: KeySpace
  readonly views: KeySpace
  readonly proofs: KeySpace
  readonly orphans: KeySpace
  readonly health: DatabaseHealth
  close(): Promise<void>
}

/**
 * How much LevelDB gathers in memory (twice that while one lot is being written out) before it makes a table of it. LevelDB's own
 * 4 MiB are for small databases: with 16 MiB taking in a ledger merges tables half as often, which an SD card feels, too.
 */
export const LEVEL_OPTIONS = { writeBufferSize: 16 * 1024 * 1024 } as const

/**
 * Opens the database of a data folder, or makes it. LevelDB comes up empty without a word when its CURRENT file is gone,
 * so a marker beside it remembers that there was one.
 */
export async function openDatabase(dataFolder: string): Promise<Database> {
  const folder = databaseFolder(dataFolder)
  const made = existsSync(madeMarker(dataFolder))
  try {
    await mkdir(dataFolder, { recursive: true, mode: 0o700 })
    const level = new Level<string, Uint8Array>(folder, {
      ...LEVEL_OPTIONS,
      valueEncoding: 'view',
      createIfMissing: !made
    })
    await level.open()
    const database = await closingOnFailure(level, async () => useDatabase(level, { folder, made }))
    if (!made) await writeMarker(dataFolder)
    return database
  } catch (error) {
    const told = toStorageError(error, folder)
    if (told instanceof StorageError && told.code === 'STORAGE_LOCKED') {
      throw lockedError(folder, await lockHolder(folder), error)
    }
    throw told
  }
}

/** The key spaces of a level that is open, after a look at its schema version. `made`: it must not be empty. */
export async function useDatabase(
  level: AnyLevel,
  { folder, made }: { readonly folder: string; readonly made: boolean }
): Promise<Database> {
  const spaces: KeySpace[] = []
  const space = (name: string): KeySpace => {
    const made = level.sublevel<string, Uint8Array>(name, { keyEncoding: 'utf8', valueEncoding: 'view' })
    spaces.push(made)
    return made
  }
  const meta = space(KEY_SPACES.meta)
  const version = await meta.get(SCHEMA_KEY)
  if (version === undefined) await makeSchema(meta, { folder, made })
  else checkSchema(new TextDecoder().decode(version))
  return {
    level,
    folder,
    meta,
    entries: space(KEY_SPACES.entries),
    heads: space(KEY_SPACES.heads),
    state: space(KEY_SPACES.state),
    views: space(KEY_SPACES.views),
    proofs: space(KEY_SPACES.proofs),
    orphans: space(KEY_SPACES.orphans),
    health: new DatabaseHealth({ folder, reopen: () => reopen(level, spaces) }),
    close: () => level.close()
  }
}

/** Key spaces are closed with their level, and not opened with it. */
async function reopen(level: AnyLevel, spaces: readonly KeySpace[]): Promise<void> {
  await level.close()
  await level.open()
  for (const space of spaces) await space.open()
}

async function makeSchema(
  meta: KeySpace,
  { folder, made }: { folder: string; made: boolean }
): Promise<void> {
  if (made) throw new StorageError({ code: 'STORAGE_CORRUPT', folder, cure: START_OVER })
  await meta.put(SCHEMA_KEY, new TextEncoder().encode(String(SCHEMA_VERSION)), SYNC)
}

/** LevelDB's own option, which the common interface of all levels does not name. */
const SYNC: object = { sync: true }

function checkSchema(found: string): void {
  if (found === String(SCHEMA_VERSION)) return
  const cure = 'the folder was written by another version of this program: install that one'
  throw new StorageError({ code: 'STORAGE_SCHEMA', found, known: SCHEMA_VERSION, cure })
}

async function writeMarker(dataFolder: string): Promise<void> {
  await writeFile(madeMarker(dataFolder), `schema ${SCHEMA_VERSION}\n`, { flush: true })
  await syncFolder(dataFolder)
}

async function closingOnFailure<T>(level: AnyLevel, use: () => Promise<T>): Promise<T> {
  try {
    return await use()
  } catch (error) {
    await level.close()
    throw error
  }
}
