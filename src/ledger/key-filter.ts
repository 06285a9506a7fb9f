import { hash32 } from '../core/digest.ts'

/** The first layer: 64 KiB. A node that is no mirror of a large mesh needs no other. */
const FIRST_WORDS = 2 ** 14
/** Each further layer has eight times as many words, up to 8 MiB for the rows of two million results; the last one never ends. */
const GROWTH = 8
const MAX_WORDS = 2 ** 21
/** So many keys a word, 11 bits each, and a layer is full: 2 % of new keys look like old ones then. */
const KEYS_PER_WORD = 3
/** Bits of a key, all of them in one word: one look at memory a key. */
const BITS = 4
/** Of a bit's place in a word of 32. */
const PLACE_BITS = 5

/**
 * Remembers keys without holding them: a Bloom filter in blocks of one word (Putze, Sanders, Singler: "Cache-, Hash- and
 * Space-Efficient Bloom Filters", 2007). A key that it does not have was surely never added.
 */
export class KeyFilter {
  readonly #layers: Uint32Array[] = [new Uint32Array(FIRST_WORDS)]
  /** Keys that the last layer still takes. */
  #room = FIRST_WORDS * KEYS_PER_WORD

  /** Whether the key may have been added before; from now on it was. */
  add(key: string): boolean {
    const hash = hash32(key)
    const bits = bitsOf(hash)
    for (const layer of this.#layers)
      if (((layer[hash & (layer.length - 1)] ?? 0) & bits) === bits) return true
    if (this.#room-- <= 0) this.#grow()
    const last = this.#layers.at(-1)
    if (last !== undefined) last[hash & (last.length - 1)] = (last[hash & (last.length - 1)] ?? 0) | bits
    return false
  }

  #grow(): void {
    const words = (this.#layers.at(-1)?.length ?? 0) * GROWTH
    if (words > MAX_WORDS) return
    this.#layers.push(new Uint32Array(words))
    this.#room = words * KEYS_PER_WORD
  }
}

function bitsOf(hash: number): number {
  // The low bits of the hash chose the word: stirred once more, the high ones tell its keys apart.
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> (32 - BITS * PLACE_BITS)
  let bits = 0
  for (let bit = 0; bit < BITS; bit++) bits |= 1 << ((mixed >>> (bit * PLACE_BITS)) & 31)
  return bits
}
