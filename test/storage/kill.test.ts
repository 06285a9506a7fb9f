import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { collect } from '../support/collect.ts'
import { aFeed } from '../support/make-entry.ts'
import { tempFolder } from '../support/temp-folder.ts'

const child = fileURLToPath(new URL('append-until-killed.child.ts', import.meta.url))

/** Lets a process append until it has told `enough` acknowledgements, kills it with no warning, and says the last told. */
async function appendAndKill(folder: string, enough: number): Promise<number> {
  const appender = spawn(process.execPath, ['--import', 'tsx', child, folder], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = once(appender, 'exit')
  let told = 0
  let lines = 0
  for await (const line of createInterface({ input: appender.stdout })) {
    told = Math.max(told, Number(line))
    lines += 1
    if (lines === enough) appender.kill('SIGKILL')
  }
  expect(await ended).toEqual([null, 'SIGKILL'])
  return told
}

test('whatever was acknowledged before a kill -9 is there, without a hole, kill after kill', async () => {
  const folder = await tempFolder()
  let before = 0
  for (const enough of [40, 1, 200]) {
    const told = await appendAndKill(folder, enough)
    expect(told).toBeGreaterThan(before)
    const database = await openDatabase(folder)
    const entries = await collect((await createEntryStore(database)).range(aFeed('a'), 1))
    await database.close()
    expect(entries.length).toBeGreaterThanOrEqual(told)
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1))
    before = entries.length
  }
}, 60_000)
