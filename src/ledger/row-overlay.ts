import type { RowChange, RowStore } from '../core/ports.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Rows as they will be: what is stored, under what was changed since. One write's worth of changes. */
export class RowOverlay {
  readonly #rows: Pick<RowStore, 'get'>
  readonly #changed = new Map<string, Uint8Array | undefined>()

  constructor(rows: Pick<RowStore, 'get'>) {
    this.#rows = rows
  }

  get(key: string): Uint8Array | undefined {
    return this.#changed.has(key) ? this.#changed.get(key) : this.#rows.get(key)
  }

  /** `undefined`: the row goes. */
  put(key: string, value: Uint8Array | undefined): void {
    this.#changed.set(key, value)
  }

  text(key: string): string | undefined {
    const value = this.get(key)
    return value === undefined ? undefined : decoder.decode(value)
  }

  putText(key: string, text: string): void {
    this.put(key, encoder.encode(text))
  }

  /** Puts one item more into a list of lines, which is kept sorted. */
  addLine(key: string, line: string): void {
    const lines = linesOf(this.text(key))
    if (lines.includes(line)) return
    this.putText(key, [...lines, line].sort().join('\n'))
  }

  changes(): readonly RowChange[] {
    return [...this.#changed].map(([key, value]) => ({ key, value }))
  }
}

/** The items of a list in a row. */
export function linesOf(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : text.split('\n')
}
