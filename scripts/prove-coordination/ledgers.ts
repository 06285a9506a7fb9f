import { recordId, type ResultRecord } from '../../src/core/record.ts'
import { createEntryStore } from '../../src/storage/entry-store.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { openEntry } from '../../src/wire/envelope.ts'

/** A signed result as it lies on a disk. */
export interface SignedResult {
  readonly builder: string
  readonly record: ResultRecord
}

/** All results on the disk of a node that has stopped, by record id. */
export async function resultsOnDisk(dataDir: string): Promise<ReadonlyMap<string, SignedResult>> {
  const database = await openDatabase(dataDir)
  try {
    const found = new Map<string, SignedResult>()
    for await (const { bytes } of (await createEntryStore(database)).all()) {
      const { node, hash, records } = openEntry(bytes)
      for (const [index, record] of records.entries())
        if (record.kind === 'result') found.set(recordId(hash, index), { builder: node, record })
    }
    return found
  } finally {
    await database.close()
  }
}
