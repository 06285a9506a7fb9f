import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { removeFile, syncFolder } from './files.ts'

/** A file that says that the database is broken in a way that shows only when all of it is read: the next start repairs it. */
function damageMarkFile(dataFolder: string): string {
  return join(dataFolder, 'ledger.damaged')
}

const MAX_REASON_CHARS = 1_000

export async function markDamaged(dataFolder: string, reason: string): Promise<void> {
  await writeFile(damageMarkFile(dataFolder), `${reason.slice(0, MAX_REASON_CHARS)}\n`, { flush: true })
  await syncFolder(dataFolder)
}

/** Why the database is to be repaired; undefined when nobody said so. */
export async function readDamageMark(dataFolder: string): Promise<string | undefined> {
  return readFile(damageMarkFile(dataFolder), 'utf8').then(
    (text) => text.trim(),
    () => undefined
  )
}

export function clearDamageMark(dataFolder: string): Promise<void> {
  return removeFile(damageMarkFile(dataFolder))
}
