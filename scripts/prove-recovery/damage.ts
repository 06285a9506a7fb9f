import { cp, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Dice } from '../../src/simulation/seeded-random.ts'
import { databaseFolder } from '../../src/storage/keys.ts'

/** One byte that is another one now. */
export interface Flip {
  /** Below the data folder. */
  readonly file: string
  readonly offset: number
  readonly from: number
  readonly to: number
}

/** What a database consists of; LOG is text for people, CURRENT and LOCK are a name and nothing. */
const DATABASE_FILES = /\.(ldb|log)$|^MANIFEST-/

/** Empties a data folder, but for the names to keep. */
export async function wipe(dataDir: string, keep: readonly string[]): Promise<void> {
  for (const name of await readdir(dataDir))
    if (!keep.includes(name)) await rm(join(dataDir, name), { recursive: true })
}

export async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 })
  await cp(from, to, { recursive: true, preserveTimestamps: true })
}

/** Puts an old copy in the place of a data folder: the card from the drawer. */
export async function restoreCopy(copy: string, dataDir: string): Promise<void> {
  await rm(dataDir, { recursive: true })
  await copyFolder(copy, dataDir)
}

/** Flips so many bytes of the database, spread over its files: first one in each, then anywhere. */
export async function flipDatabase(dataDir: string, count: number, dice: Dice): Promise<readonly Flip[]> {
  const folder = databaseFolder(dataDir)
  const files: string[] = []
  for (const name of await readdir(folder))
    if (DATABASE_FILES.test(name) && (await stat(join(folder, name))).size > 0) files.push(join(folder, name))
  const one = dice.some(files, count)
  const flips: Flip[] = []
  for (let at = 0; at < count; at++) {
    const file = one[at] ?? dice.pick(files)
    if (file !== undefined) flips.push(await flipByte(dataDir, file, dice))
  }
  return flips
}

/** Changes one byte, anywhere in the file. */
export async function flipByte(dataDir: string, file: string, dice: Dice): Promise<Flip> {
  const handle = await open(file, 'r+')
  try {
    const offset = dice.whole(0, (await handle.stat()).size - 1)
    const byte = Buffer.alloc(1)
    await handle.read(byte, 0, 1, offset)
    const from = byte.readUInt8()
    const to = from ^ dice.whole(1, 255)
    byte.writeUInt8(to)
    await handle.write(byte, 0, 1, offset)
    return { file: relative(dataDir, file), offset, from, to }
  } finally {
    await handle.close()
  }
}

/** What a person does who is told to: the database goes, its marker too, and the node reads the records back. */
export async function moveDatabaseAway(dataDir: string): Promise<void> {
  for (const name of ['ledger', 'ledger.made'])
    await rename(join(dataDir, name), join(dataDir, `${name}.broken`)).catch(() => undefined)
}
