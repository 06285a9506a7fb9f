/** A write of one small entry needs no more; the next pieces are twice as large each. */
const FIRST_BYTES = 512
const MAX_BYTES = 64 * 1024

/**
 * Bytes for the rows of one write, cut from large pieces: each buffer of its own costs the platform more than a row's work. Whoever
 * keeps such a row longer than the write copies it, or holds the whole piece.
 */
export class RowArena {
  #slab = new Uint8Array(0)
  #used = 0
  #next = FIRST_BYTES

  take(length: number): Uint8Array {
    if (this.#used + length > this.#slab.byteLength) {
      this.#slab = new Uint8Array(Math.max(length, this.#next))
      this.#used = 0
      this.#next = Math.min(2 * this.#next, MAX_BYTES)
    }
    const start = this.#used
    this.#used += length
    return this.#slab.subarray(start, this.#used)
  }
}
