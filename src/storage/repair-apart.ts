import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { START_OVER, StorageError } from './storage-error.ts'

/** What a process of its own does; the words behind `-e` count from 1. */
const PROGRAM = `
const [, library, folder] = process.argv
require(library).Level.repair(folder).catch((error) => {
  for (let at = error; at instanceof Error; at = at.cause) console.error(at.code ?? '', at.message)
  process.exitCode = 1
})
`

/** A page of words is as much as anybody reads. */
const MAX_WORDS = 4_000

/**
 * Lets LevelDB repair a database in a process of its own: it may run into one of its assertions, which ends the process. Rejects with
 * STORAGE_CORRUPT when that happens.
 */
export async function repairApart(folder: string): Promise<void> {
  const library = createRequire(import.meta.url).resolve('level')
  const child = spawn(process.execPath, ['-e', PROGRAM, library, folder], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (words.length < MAX_WORDS) words += text
  })
  await once(child, 'close')
  if (child.exitCode === 0) return
  const cause = new Error(words.trim())
  if (child.signalCode === null) throw cause
  throw new StorageError({ code: 'STORAGE_CORRUPT', folder, cure: START_OVER }, { cause })
}
