/** A chunk that grows beyond this is cut in two: so small that moving its items costs less than finding the place. */
const MAX_CHUNK_ITEMS = 512
/** Two neighbours that are together smaller than this become one. */
const MERGED_CHUNK_ITEMS = 128

/** Reads a list in order; what was inserted or removed meanwhile may be missed or seen, but nothing else goes wrong. */
export interface Cursor<T> {
  /** Undefined behind the end. */
  readonly current: T | undefined
  advance(): void
}

/**
 * Items in order, none of them twice, in chunks of some hundred: to insert and to remove cost a binary search and a short move, to read on
 * costs nothing. Beside the items it needs 8 bytes for each.
 */
export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number
  readonly #chunks: T[][] = []
  #size = 0

  /** `compare` gives 0 only for an item and itself. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#size
  }

  insert(item: T): void {
    const at = Math.min(this.#chunkOf(item), this.#chunks.length - 1)
    const chunk = this.#chunks[at]
    this.#size++
    if (chunk === undefined) {
      this.#chunks.push([item])
      return
    }
    chunk.splice(this.#placeIn(chunk, item), 0, item)
    if (chunk.length > MAX_CHUNK_ITEMS) this.#chunks.splice(at + 1, 0, chunk.splice(MAX_CHUNK_ITEMS / 2))
  }

  /** False when it is not in here. */
  remove(item: T): boolean {
    const at = this.#chunkOf(item)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return false
    const place = this.#placeIn(chunk, item)
    const found = chunk[place]
    if (found === undefined || this.#compare(found, item) !== 0) return false
    chunk.splice(place, 1)
    this.#size--
    this.#mend(at, chunk)
    return true
  }

  cursor(): Cursor<T> {
    return new ListCursor(this.#chunks)
  }

  /** The first chunk that ends with the item or with a later one. */
  #chunkOf(item: T): number {
    return firstIndex(this.#chunks, (chunk) => {
      const last = chunk[chunk.length - 1]
      return last !== undefined && this.#compare(last, item) >= 0
    })
  }

  #placeIn(chunk: readonly T[], item: T): number {
    return firstIndex(chunk, (one) => this.#compare(one, item) >= 0)
  }

  #mend(at: number, chunk: T[]): void {
    if (chunk.length === 0) {
      this.#chunks.splice(at, 1)
      return
    }
    const next = this.#chunks[at + 1]
    if (next === undefined || chunk.length + next.length > MERGED_CHUNK_ITEMS) return
    chunk.push(...next)
    this.#chunks.splice(at + 1, 1)
  }
}

class ListCursor<T> implements Cursor<T> {
  readonly #chunks: readonly (readonly T[])[]
  #chunk = 0
  #index = 0
  current: T | undefined

  constructor(chunks: readonly (readonly T[])[]) {
    this.#chunks = chunks
    this.current = chunks[0]?.[0]
  }

  advance(): void {
    const chunk = this.#chunks[this.#chunk]
    if (chunk === undefined) return
    this.current = chunk[++this.#index]
    if (this.current !== undefined) return
    this.#index = 0
    this.current = this.#chunks[++this.#chunk]?.[0]
  }
}

/** Index of the first item for which `holds` is true, given that it is for all after it; the length when there is none. */
function firstIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(items[middle] as T)) high = middle
    else low = middle + 1
  }
  return low
}
