import { Level } from 'level'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkAllTables, cutLogs } from './check-database-files.ts'
import { databaseFolder, madeMarker, salvageFolder } from './keys.ts'
import { mendFeeds, type MendReport, type RepairOptions } from './mend-feeds.ts'
import { openDatabase, useDatabase } from './open-database.ts'
import { repairApart } from './repair-apart.ts'
import { endSalvage, salvage, setAside } from './salvage.ts'
import { toStorageError } from './storage-error.ts'

/** What is left after a repair; what a feed lost comes back from the peers. */
export interface RepairReport extends MendReport {
  /** Rows that were read from broken files, past LevelDB; what belonged nowhere is counted too. */
  readonly salvaged: number
}

/**
 * Gathers what can be read, then makes every feed an unbroken row from its first entry again. The node must not run. Rows of views are
 * dropped: they are made again from the entries that are left.
 */
export async function repairDatabase(dataFolder: string, options: RepairOptions = {}): Promise<RepairReport> {
  const folder = databaseFolder(dataFolder)
  try {
    await gather(dataFolder)
    const report = await mend(dataFolder, [salvageFolder(dataFolder)], options)
    // LevelDB moves what it could not read there, for people; what it held is salvaged, or comes back from the peers.
    await rm(join(folder, 'lost'), { recursive: true, force: true })
    await endSalvage(dataFolder)
    return report
  } catch (error) {
    throw toStorageError(error, folder)
  }
}

/** The same for a database of which LevelDB can make nothing: it was moved to `broken`, and an empty one is made in its place. */
export async function rebuildDatabase(
  dataFolder: string,
  broken: string,
  options: RepairOptions
): Promise<RepairReport> {
  const report = await mend(dataFolder, [broken, salvageFolder(dataFolder)], options)
  await endSalvage(dataFolder)
  return report
}

/**
 * LevelDB repairs without a look at checksums: it takes over flipped keys and numbers, and then holds rows that it finds one way and
 * not the other. So only what is whole is left to it; the rest is set aside, and its entries are taken by what they say of themselves.
 */
async function gather(dataFolder: string): Promise<void> {
  const broken = (await checkAllTables(dataFolder)).map(({ file }) => file)
  await setAside(dataFolder, broken)
  await cutLogs(dataFolder)
  await repairApart(databaseFolder(dataFolder))
  await restoreSchema(dataFolder)
}

async function mend(
  dataFolder: string,
  folders: readonly string[],
  options: RepairOptions
): Promise<RepairReport> {
  const database = await openDatabase(dataFolder)
  try {
    let salvaged = 0
    for (const folder of folders) salvaged += await salvage(database, folder)
    const report = await mendFeeds(database, options)
    // Made of entries that may be gone: they are made again from those that are left.
    await database.views.clear()
    return { ...report, salvaged }
  } finally {
    await database.close()
  }
}

/** The schema version is one of the records that may have been lost; opening would then take the database for a stranger's. */
async function restoreSchema(dataFolder: string): Promise<void> {
  const folder = databaseFolder(dataFolder)
  const level = new Level<string, Uint8Array>(folder, { valueEncoding: 'view' })
  await level.open()
  try {
    await useDatabase(level, { folder, made: false })
  } finally {
    await level.close()
  }
  await writeFile(madeMarker(dataFolder), 'repaired\n', { flush: true })
}
