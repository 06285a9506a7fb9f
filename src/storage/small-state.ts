import type { Database } from './open-database.ts'
import { toStorageError } from './storage-error.ts'

/** A few named values that must outlive the process: what a witness promised, above all. */
export interface SmallState {
  get(name: string): Promise<Uint8Array | undefined>
  /** `sync`: on disk before the promise resolves. */
  put(name: string, value: Uint8Array, options: { readonly sync: boolean }): Promise<void>
}

export function createSmallState({ state, folder }: Database): SmallState {
  return {
    get: async (name) => {
      try {
        return await state.get(name)
      } catch (error) {
        throw toStorageError(error, folder)
      }
    },
    put: async (name, value, options) => {
      try {
        // `sync` is LevelDB's own option, which the common interface of all levels does not name.
        const known: object = { sync: options.sync }
        await state.put(name, value, known)
      } catch (error) {
        throw toStorageError(error, folder)
      }
    }
  }
}
