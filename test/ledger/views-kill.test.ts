import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openDatabase } from '../../src/storage/open-database.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { openViews } from './views-node.ts'

const child = fileURLToPath(new URL('results-until-killed.child.ts', import.meta.url))

/** Lets a process append until it has said `enough` times how far it is, kills it without warning, and tells what it said last. */
async function appendAndKill(folder: string, enough: number): Promise<number> {
  const appender = spawn(process.execPath, ['--import', 'tsx', child, folder], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(appender, 'exit')
  let [told, lines] = [0, 0]
  for await (const line of createInterface({ input: appender.stdout })) {
    told = Math.max(told, Number(line))
    lines += 1
    if (lines === enough) appender.kill('SIGKILL')
  }
  expect(await ended).toEqual([null, 'SIGKILL'])
  return told
}

test('after a kill -9 the views are there without being made anew, and are those that the entries make', async () => {
  const folder = await tempFolder()
  for (const enough of [6, 1, 3]) {
    const told = await appendAndKill(folder, enough)
    const database = await openDatabase(folder)
    await database.views.put('x mark', new Uint8Array(1))
    const { state, entries, rows } = await openViews(database)
    expect(state.results.count()).toBeGreaterThanOrEqual(told)
    const found = await rows()
    // A rebuild would have taken it away.
    expect(found.at(-1)?.[0]).toBe('x mark')
    await state.views?.rebuild(entries)
    expect(await rows()).toEqual(found.slice(0, -1))
    await database.close()
  }
}, 120_000)
