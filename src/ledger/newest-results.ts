import type { ProjectName } from '../core/ids.ts'
import { newestKey, parseNewestKey, releaseOf, releaseText } from './row-keys.ts'
import type { RowOverlay } from './row-overlay.ts'
import type { Row } from '../core/ports.ts'

/** As many as anybody can ask for: what is older is found by its release. */
export const MAX_NEWEST = 1_000

/** Where a result stands among all, by the time that it was finished. */
export interface NewestResult {
  readonly finishedMs: number
  readonly recordId: string
  readonly project: ProjectName
  readonly version: string
}

/** The newest results of the mesh, newest first; ties by record id, so that every node lists them alike. */
export class NewestResults {
  #items: NewestResult[] = []

  all(): readonly NewestResult[] {
    return this.#items
  }

  add(item: NewestResult): void {
    if (!this.#isWorth(item)) return
    const at = this.#placeOf(item)
    if (this.#items[at]?.recordId === item.recordId) return
    this.#items.splice(at, 0, item)
    if (this.#items.length > MAX_NEWEST) this.#items.pop()
  }

  /** Puts the rows of `added` as they will be among the newest, and takes away those that fall out. */
  write(overlay: RowOverlay, added: readonly NewestResult[]): void {
    const worth = added.filter((item) => this.#isWorth(item))
    if (worth.length === 0) return
    const after = new Set([...this.#items, ...worth].sort(newerFirst).slice(0, MAX_NEWEST))
    for (const item of this.#items) if (!after.has(item)) overlay.delete(keyOf(item))
    for (const item of worth) if (after.has(item)) overlay.putText(keyOf(item), releaseText(item))
  }

  restore(rows: readonly Row[]): void {
    this.#items = rows.map(({ key, value }) => ({
      ...parseNewestKey(key),
      ...releaseOf(new TextDecoder().decode(value))
    }))
  }

  /** Before which one it belongs. */
  #placeOf(item: NewestResult): number {
    let [low, high] = [0, this.#items.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#items[middle]
      if (other !== undefined && newerFirst(other, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #isWorth(item: NewestResult): boolean {
    const last = this.#items[MAX_NEWEST - 1]
    return last === undefined || newerFirst(item, last) < 0
  }
}

function keyOf({ finishedMs, recordId }: NewestResult): string {
  return newestKey(finishedMs, recordId)
}

function newerFirst(a: NewestResult, b: NewestResult): number {
  return b.finishedMs - a.finishedMs || (a.recordId < b.recordId ? -1 : a.recordId > b.recordId ? 1 : 0)
}
