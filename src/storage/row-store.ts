import type { RowStore } from '../core/ports.ts'
import { rowChanges, writeChanges } from './append-queue.ts'
import type { Database } from './open-database.ts'
import { toStorageError } from './storage-error.ts'

/** Rows read ahead at a time. */
const READ_AHEAD_BYTES = 256 * 1024
/** Sorts after every character of a row's key, which is ASCII. */
const AFTER_ASCII = '\x7f'

/** The stored views in the database. */
export function createRowStore(database: Database): RowStore {
  const { views, folder } = database

  async function* scan(prefix: string, after?: string): AsyncGenerator<{ key: string; value: Uint8Array }> {
    const options = {
      ...(after === undefined ? { gte: prefix } : { gt: after }),
      lt: prefix + AFTER_ASCII,
      highWaterMarkBytes: READ_AHEAD_BYTES
    }
    try {
      for await (const [key, value] of views.iterator(options)) yield { key, value }
    } catch (error) {
      throw toStorageError(error, folder)
    }
  }

  return {
    get(key) {
      try {
        return views.getSync(key)
      } catch (error) {
        throw toStorageError(error, folder)
      }
    },
    async getMany(keys) {
      try {
        return await views.getMany([...keys])
      } catch (error) {
        throw toStorageError(error, folder)
      }
    },
    scan,
    async write(rows) {
      try {
        await writeChanges(database, rowChanges(database, rows), false)
      } catch (error) {
        throw toStorageError(error, folder)
      }
    },
    async clear() {
      try {
        await views.clear()
      } catch (error) {
        throw toStorageError(error, folder)
      }
    }
  }
}
