/**
 * Memory that files are read into, used again and again: V8 counts what each fresh buffer takes, and on a machine with little memory it
 * collects the whole heap every few of them. Who reads takes one, and whoever is the last to need its bytes gives it back; one that is
 * never given back is collected as any other memory is. Beyond those that are kept, fresh ones are made: nobody waits.
 */
export class ReadBuffers {
  readonly #bytes: number
  readonly #maxKept: number
  readonly #kept: Uint8Array<ArrayBuffer>[] = []
  /** Memory of those that are out. Weak, for those that never come back. */
  readonly #out = new WeakSet()

  constructor({ bytes, maxKept }: { readonly bytes: number; readonly maxKept: number }) {
    this.#bytes = bytes
    this.#maxKept = maxKept
  }

  /** Holds what an earlier reader left in it. */
  take(): Uint8Array<ArrayBuffer> {
    const buffer = this.#kept.pop() ?? new Uint8Array(this.#bytes)
    this.#out.add(buffer.buffer)
    return buffer
  }

  /** A buffer that was taken, or any part of it, once nobody reads it any more. Memory from elsewhere, or a second time, is passed over. */
  give({ buffer }: Uint8Array): void {
    if (!this.#out.delete(buffer) || this.#kept.length === this.#maxKept) return
    if (buffer instanceof ArrayBuffer) this.#kept.push(new Uint8Array(buffer))
  }
}
