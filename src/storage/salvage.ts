import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkLogFile } from './check-log-file.ts'
import { isNotFound, syncFolder } from './files.ts'
import { databaseFolder, entryKey, feedKey, KEY_SPACES, parseEntryKey, salvageFolder } from './keys.ts'
import type { Database } from './open-database.ts'
import { rowsOfBrokenLog } from './salvage-log.ts'
import { rowsOfBrokenTable } from './salvage-table.ts'
import type { TableRow } from './table-rows.ts'

const LOG = /^\d{6,}\.log$/
const TABLE = /^\d{6,}\.(ldb|sst)$/
/** How abstract-level spells the key of a row in a key space. */
const ENTRY_PREFIX = new TextEncoder().encode(`!${KEY_SPACES.entries}!`)
const ENTRY_KEY = /^[1-9A-HJ-NP-Za-km-z]{52}[0-9a-f]{28}$/
/** Rows written at a time: some MiB at the worst. */
const BATCH_ROWS = 64

/** Whether a repair was interrupted before everything was taken from its broken files. */
export async function isSalvageOpen(dataFolder: string): Promise<boolean> {
  return (await namesIn(salvageFolder(dataFolder))).length > 0
}

/** Takes broken tables out of a database that nobody has open, and copies broken logs, which LevelDB gets up to where they are broken. */
export async function setAside(dataFolder: string, tables: readonly string[]): Promise<void> {
  const [folder, databaseAt] = [salvageFolder(dataFolder), databaseFolder(dataFolder)]
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of (await namesIn(databaseAt)).filter((one) => LOG.test(one))) {
    const path = join(databaseAt, name)
    if ((await checkLogFile(path)).kind === 'whole') continue
    await writeFile(join(folder, name), await readFile(path), { flush: true })
  }
  for (const name of tables) await rename(join(databaseAt, name), join(folder, name))
  await syncFolder(folder)
}

export function endSalvage(dataFolder: string): Promise<void> {
  return rm(salvageFolder(dataFolder), { recursive: true, force: true })
}

/**
 * Puts the entries that can still be read in the broken files of a folder where the database has none. They may be rubbish: the walk
 * over the feeds that follows keeps what belongs in its place and is signed. Returns how many were put.
 */
export async function salvage(database: Database, folder: string): Promise<number> {
  const cuts = await cutPlaces(database)
  let put = 0
  for (const name of await namesIn(folder)) {
    const file = await readFile(join(folder, name))
    const rows = TABLE.test(name) ? rowsOfBrokenTable(file) : LOG.test(name) ? rowsOfBrokenLog(file) : []
    put += await putMissing(database, entriesAmong(rows, cuts))
  }
  return put
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (isNotFound(error)) return []
    throw error
  })
}

/** By feed: the place from which on nothing is kept, because its author was convicted of two histories. */
async function cutPlaces(database: Database): Promise<ReadonlyMap<string, number>> {
  const places = (await database.proofs.keys().all()).map(parseEntryKey)
  return new Map(places.map((place) => [feedKey(place), place.seq]))
}

type KeptRow = { readonly key: string; readonly value: Uint8Array }

function* entriesAmong(rows: Iterable<TableRow>, cuts: ReadonlyMap<string, number>): Generator<KeptRow> {
  const text = new TextDecoder('latin1')
  for (const { key, value } of rows) {
    if (ENTRY_PREFIX.some((byte, at) => key[at] !== byte)) continue
    const name = text.decode(key.subarray(ENTRY_PREFIX.byteLength))
    if (!ENTRY_KEY.test(name)) continue
    const place = placeOf(name)
    if (place === undefined || place.seq >= (cuts.get(feedKey(place)) ?? Infinity)) continue
    yield { key: entryKey(place, place.seq), value: Uint8Array.from(value) }
  }
}

function placeOf(name: string): ReturnType<typeof parseEntryKey> | undefined {
  try {
    return parseEntryKey(name)
  } catch {
    return undefined
  }
}

async function putMissing(database: Database, rows: Iterable<KeptRow>): Promise<number> {
  let put = 0
  let batch = new Map<string, Uint8Array>()
  const flush = async (): Promise<void> => {
    const keys = [...batch.keys()]
    const there = await database.entries.getMany(keys)
    const missing = keys.filter((_, at) => there[at] === undefined)
    const operations = missing.map(
      (key) => ({ type: 'put', key, value: batch.get(key) ?? new Uint8Array(0) }) as const
    )
    await database.entries.batch(operations)
    put += missing.length
    batch = new Map()
  }
  for (const { key, value } of rows) {
    batch.set(key, value)
    if (batch.size >= BATCH_ROWS) await flush()
  }
  await flush()
  return put
}
