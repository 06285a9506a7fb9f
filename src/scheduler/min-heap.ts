/** A binary heap: the least item at hand, in any number of them. */
export class MinHeap<T> {
  readonly #items: T[] = []
  readonly #compare: (a: T, b: T) => number

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#items.length
  }

  least(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#items.push(item)
    let at = this.#items.length - 1
    while (at > 0 && this.#isBefore(at, (at - 1) >>> 1)) at = this.#swap(at, (at - 1) >>> 1)
  }

  pop(): T | undefined {
    const [least] = this.#items
    const last = this.#items.pop()
    if (last !== undefined && this.#items.length > 0) {
      this.#items[0] = last
      this.sink()
    }
    return least
  }

  /** The first item is greater than it was: it goes where it belongs. */
  sink(): void {
    let at = 0
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      const child = right < this.#items.length && this.#isBefore(right, left) ? right : left
      if (child >= this.#items.length || !this.#isBefore(child, at)) return
      at = this.#swap(at, child)
    }
  }

  #isBefore(a: number, b: number): boolean {
    return this.#compare(this.#items[a] as T, this.#items[b] as T) < 0
  }

  /** The index to which the item moved. */
  #swap(from: number, to: number): number {
    const item = this.#items[from] as T
    this.#items[from] = this.#items[to] as T
    this.#items[to] = item
    return to
  }
}
