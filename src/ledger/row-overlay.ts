import type { RowChange, RowStore } from '../core/ports.ts'
import { RowArena } from './row-arena.ts'
import { bytesText, textBytes } from './line-row.ts'

/** A row that goes. */
const GONE = null

/** Rows as they will be: what is stored, under what was changed since. One write's worth of changes. */
export class RowOverlay {
  /** Where the bytes of its rows come from. */
  readonly arena = new RowArena()
  readonly #rows: Pick<RowStore, 'get'>
  readonly #changed = new Map<string, Uint8Array | typeof GONE>()

  constructor(rows: Pick<RowStore, 'get'>) {
    this.#rows = rows
  }

  get(key: string): Uint8Array | undefined {
    const changed = this.#changed.get(key)
    return changed === undefined ? this.#rows.get(key) : (changed ?? undefined)
  }

  put(key: string, value: Uint8Array): void {
    this.#changed.set(key, value)
  }

  delete(key: string): void {
    this.#changed.set(key, GONE)
  }

  text(key: string): string | undefined {
    const value = this.get(key)
    return value === undefined ? undefined : bytesText(value)
  }

  putText(key: string, text: string): void {
    this.put(key, textBytes(text, this.arena))
  }

  changes(): readonly RowChange[] {
    return Array.from(this.#changed, ([key, value]) => ({ key, value: value ?? undefined }))
  }
}
