import type { Row, RowChange, RowStore } from '../core/ports.ts'

/** Rows in memory only: of a simulated disk, or of a state that nobody stores. */
export class MemoryRows implements RowStore {
  readonly #rows = new Map<string, Uint8Array>()

  get(key: string): Uint8Array | undefined {
    return this.#rows.get(key)
  }

  async getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return keys.map((key) => this.get(key))
  }

  async *scan(prefix: string, after = ''): AsyncIterable<Row> {
    const keys = [...this.#rows.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
    for (const key of keys) {
      const value = this.#rows.get(key)
      if (value !== undefined) yield { key, value }
    }
  }

  async write(rows: readonly RowChange[]): Promise<void> {
    this.put(rows)
  }

  async clear(): Promise<void> {
    this.#rows.clear()
  }

  put(rows: readonly RowChange[]): void {
    for (const { key, value } of rows) {
      if (value === undefined) this.#rows.delete(key)
      // A copy: what comes may be cut from a much larger piece.
      else this.#rows.set(key, value.slice())
    }
  }
}
