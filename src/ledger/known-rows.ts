import type { RowChange, RowStore } from '../core/ports.ts'
import { KeyFilter } from './key-filter.ts'
import { Recent } from './recent.ts'
import { isProjectRow, isResultRow } from './row-keys.ts'
import type { Placed } from './view-rows.ts'

/** Rows of projects held in memory: a project's row changes with nearly each of its results. */
const MAX_PROJECT_BYTES = 8 * 1024 * 1024
/** What a held row costs besides its bytes. */
const ROW_OVERHEAD_BYTES = 200
/** From so many rows on they are read together, off this thread. */
const READ_AHEAD_ROWS = 50

/**
 * Rows that results change, as they are stored, with as few questions to the database as can be: one that has to be asked for
 * a row that is not there looks into five files, and merges them for that sooner. In a ledger that was empty when this node
 * began, nearly every row of a result is new.
 */
export class KnownRows {
  readonly #rows: RowStore
  readonly #projects = new Recent<string, Uint8Array>(
    MAX_PROJECT_BYTES,
    (value) => value.byteLength + ROW_OVERHEAD_BYTES
  )
  /** Every key of such a row since the rows were empty; undefined: they were not, and any row may be there. */
  #keys: KeyFilter | undefined

  constructor(rows: RowStore) {
    this.#rows = rows
  }

  /** Nothing is known of the stored rows. */
  forget(): void {
    this.#projects.clear()
    this.#keys = undefined
  }

  /** There are no rows. */
  begin(): void {
    this.#projects.clear()
    this.#keys = new KeyFilter()
  }

  /** These rows are stored now. */
  stored(changes: readonly RowChange[]): void {
    for (const { key, value } of changes)
      if (value !== undefined && isProjectRow(key)) this.#projects.set(key, value.slice())
  }

  /** All rows, of which those that results of these entries change are read already. */
  async read(entries: readonly Placed[]): Promise<Pick<RowStore, 'get'>> {
    const rows = this.#rows
    const [asked, found] = this.#look(entries)
    const isReadAhead = asked.length >= READ_AHEAD_ROWS
    const values = isReadAhead ? await rows.getMany(asked) : asked.map((key) => rows.get(key))
    for (const [index, key] of asked.entries()) {
      const value = values[index]
      if (value !== undefined) found.set(key, value)
    }
    return { get: (key) => (isResultRow(key) ? found.get(key) : rows.get(key)) }
  }

  /** Which rows have to be asked for, and those that are known without. */
  #look(entries: readonly Placed[]): [asked: readonly string[], found: Map<string, Uint8Array>] {
    const asked = new Set<string>()
    const found = new Map<string, Uint8Array>()
    const look = (key: string): void => {
      if (this.#keys?.add(key) !== false) asked.add(key)
    }
    for (const { places } of entries)
      for (const { releaseKey, projectKey, blobKeys } of places) {
        const project = this.#projects.get(projectKey)
        if (project === undefined) look(projectKey)
        else found.set(projectKey, project)
        look(releaseKey)
        for (const key of blobKeys) look(key)
      }
    return [[...asked], found]
  }
}
