/** Appends entries with sync, and says each seq on a line of its own once the store has acknowledged it. Run by kill.test.ts. */
import { writeSync } from 'node:fs'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { aFeed, aStoredEntry } from '../support/make-entry.ts'

const store = await createEntryStore(await openDatabase(process.argv[2] as string))
const feed = aFeed('a')
const [head] = await store.heads()

async function appendAndTell(seq: number): Promise<void> {
  await store.append([aStoredEntry(feed, seq)], { sync: true })
  writeSync(1, `${seq}\n`)
}

for (let seq = (head?.seq ?? 0) + 1; ; seq += 8) {
  await Promise.all(Array.from({ length: 8 }, (_, index) => appendAndTell(seq + index)))
}
