import { existsSync } from 'node:fs'
import { readdir, readFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { checkLogFile } from './check-log-file.ts'
import { checkTable, checkTableEnd } from './check-table-file.ts'
import { isNotFound } from './files.ts'
import { databaseFolder, madeMarker } from './keys.ts'
import { readManifest } from './read-manifest.ts'

/** One file of the database that is not what LevelDB wrote. */
export interface FileFinding {
  /** Its name in the folder of the database. */
  readonly file: string
  readonly problem: string
}

const MANIFEST = /^MANIFEST-\d{6,}$/
const LOG = /^\d{6,}\.log$/
const TABLE = /^\d{6,}\.(ldb|sst)$/

/**
 * A look at the files of a database that nobody has open, before LevelDB opens it: LevelDB passes over broken records of
 * its manifest and its log, deletes what the manifest no longer names, and comes up empty without CURRENT. Reads the
 * manifest and the log whole (some MiB) and the last bytes of each table. Empty: nothing to see, or no database yet.
 */
export async function checkDatabaseFiles(dataFolder: string): Promise<readonly FileFinding[]> {
  const folder = databaseFolder(dataFolder)
  const made = existsSync(madeMarker(dataFolder))
  const names = await namesIn(folder)
  // A folder that was being made when the power went holds nothing yet: LevelDB makes it anew.
  if (!made && !names.includes('CURRENT')) return []
  const named = await manifestOf(folder, names)
  if (typeof named !== 'string') return [named]
  const findings = [...(await checkManifest(folder, named, names))]
  const logs = names.filter((name) => LOG.test(name))
  for (const name of logs) findings.push(...(await checkLog(folder, name, name === logs.at(-1))))
  return findings
}

export interface TableProgress {
  /** Bytes read since the last call: whoever paces the reading waits here. */
  readonly onBytes: (bytes: number) => Promise<void>
}

/**
 * Every live table of the database against its checksums, also while it is open: tables never change, they only go. A table that
 * the manifest does not name is a compaction that was cut off, or one that waits to be deleted: nothing depends on it.
 */
export async function checkTables(
  dataFolder: string,
  { onBytes }: TableProgress
): Promise<{ readonly tables: number; readonly findings: readonly FileFinding[] }> {
  const live = await liveTables(dataFolder)
  const isLive = (name: string): boolean => live?.has(Number.parseInt(name, 10)) ?? true
  return checkNamed(dataFolder, (await tableNames(dataFolder)).filter(isLive), onBytes)
}

/** The same for every table that lies there: a repair takes them all. */
export async function checkAllTables(dataFolder: string): Promise<readonly FileFinding[]> {
  return (await checkNamed(dataFolder, await tableNames(dataFolder), async () => undefined)).findings
}

async function checkNamed(
  dataFolder: string,
  names: readonly string[],
  onBytes: TableProgress['onBytes']
): Promise<{ readonly tables: number; readonly findings: readonly FileFinding[] }> {
  const findings: FileFinding[] = []
  for (const name of names) {
    const problem = await unlessGone(() => checkTable(join(databaseFolder(dataFolder), name), onBytes))
    if (problem !== undefined) findings.push({ file: name, problem })
  }
  return { tables: names.length, findings }
}

async function tableNames(dataFolder: string): Promise<readonly string[]> {
  return (await namesIn(databaseFolder(dataFolder))).filter((name) => TABLE.test(name))
}

/** Numbers of the tables that the manifest names; undefined: it cannot be read, and any may be live. */
async function liveTables(dataFolder: string): Promise<ReadonlySet<number> | undefined> {
  const folder = databaseFolder(dataFolder)
  const named = await manifestOf(folder, await namesIn(folder))
  if (typeof named !== 'string') return undefined
  try {
    const { ending, tables } = await readManifest(join(folder, named))
    return ending.kind === 'damaged' ? undefined : new Set(tables.keys())
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Bytes of all tables: what {@link checkTables} is going to read. */
export async function tableBytes(dataFolder: string): Promise<number> {
  const folder = databaseFolder(dataFolder)
  let bytes = 0
  for (const name of await tableNames(dataFolder)) {
    bytes += (await unlessGone(async () => (await stat(join(folder, name))).size)) ?? 0
  }
  return bytes
}

/** Cuts every log where it is broken: what comes behind cannot be told from rubbish. */
export async function cutLogs(dataFolder: string): Promise<void> {
  const folder = databaseFolder(dataFolder)
  for (const name of (await namesIn(folder)).filter((one) => LOG.test(one))) {
    const ending = await checkLogFile(join(folder, name))
    if (ending.kind !== 'whole') await truncate(join(folder, name), ending.atByte)
  }
}

/** The manifest that CURRENT names. */
async function manifestOf(folder: string, names: readonly string[]): Promise<string | FileFinding> {
  if (!names.includes('CURRENT')) return { file: 'CURRENT', problem: 'it is gone' }
  const named = (await readFile(join(folder, 'CURRENT'), 'latin1')).trimEnd()
  if (!MANIFEST.test(named)) return { file: 'CURRENT', problem: 'it names no manifest' }
  return names.includes(named) ? named : { file: named, problem: 'it is gone' }
}

/** Every table of it must be there at its size, and the oldest log that it needs: LevelDB does not miss a log. */
async function checkManifest(
  folder: string,
  name: string,
  names: readonly string[]
): Promise<readonly FileFinding[]> {
  const manifest = await readManifest(join(folder, name)).catch((error: unknown) => {
    if (error instanceof RangeError) return undefined
    throw error
  })
  if (manifest === undefined) return [{ file: name, problem: 'it makes no sense' }]
  const { ending, tables, logNumber } = manifest
  // LevelDB syncs its manifest: a torn one is no trace of a power cut alone.
  if (ending.kind !== 'whole') return [{ file: name, problem: `it is broken from byte ${ending.atByte} on` }]
  const findings: FileFinding[] = []
  const log = `${digits(logNumber)}.log`
  if (logNumber > 0 && !names.includes(log)) findings.push({ file: log, problem: 'it is gone' })
  for (const [number, size] of tables) findings.push(...(await checkLiveTable(folder, number, size)))
  return findings
}

async function checkLiveTable(folder: string, number: number, size: number): Promise<readonly FileFinding[]> {
  for (const file of [`${digits(number)}.ldb`, `${digits(number)}.sst`]) {
    const path = join(folder, file)
    const found = await unlessGone(async () => (await stat(path)).size)
    if (found === undefined) continue
    const problem = found === size ? await checkTableEnd(path) : `it has ${found} bytes instead of ${size}`
    return problem === undefined ? [] : [{ file, problem }]
  }
  return [{ file: `${digits(number)}.ldb`, problem: 'it is gone' }]
}

const digits = (number: number): string => String(number).padStart(6, '0')

async function checkLog(folder: string, name: string, isNewest: boolean): Promise<readonly FileFinding[]> {
  const ending = await unlessGone(() => checkLogFile(join(folder, name)))
  if (ending === undefined || ending.kind === 'whole') return []
  // The last write may have been cut short by a power cut: nobody was told of it, and LevelDB knows what to do.
  if (ending.kind === 'torn' && isNewest) return []
  return [{ file: name, problem: `it is broken from byte ${ending.atByte} on` }]
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names = (await unlessGone(() => readdir(folder))) ?? []
  // By number: LevelDB writes at least six digits.
  return names.sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
}

async function unlessGone<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}
