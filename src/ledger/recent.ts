/** A map that forgets what was used least lately, once what it holds weighs more than `maxWeight`. */
export class Recent<K, V> {
  readonly #maxWeight: number
  readonly #weightOf: (value: V) => number
  readonly #entries = new Map<K, V>()
  #weight = 0

  constructor(maxWeight: number, weightOf: (value: V) => number) {
    this.#maxWeight = maxWeight
    this.#weightOf = weightOf
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  /** The value without using it: a use moves it in the map, which costs more than the look. */
  peek(key: K): V | undefined {
    return this.#entries.get(key)
  }

  set(key: K, value: V): void {
    this.delete(key)
    this.#entries.set(key, value)
    this.#weight += this.#weightOf(value)
    if (this.#weight <= this.#maxWeight) return
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#maxWeight) return
      this.delete(oldest)
    }
  }

  delete(key: K): void {
    const value = this.#entries.get(key)
    if (value === undefined) return
    this.#entries.delete(key)
    this.#weight -= this.#weightOf(value)
  }

  clear(): void {
    this.#entries.clear()
    this.#weight = 0
  }
}
