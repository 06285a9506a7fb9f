import { open, type FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const gzipAsync = promisify(gzip)

/** How much of a log is taken, and how much of its ends is kept. */
export interface LogBounds {
  readonly maxBytes: number
  readonly headBytes: number
  readonly tailBytes: number
}

/** One build's log: everything that it says goes to a file outside its sandbox, up to a bound. */
export class BuildLog {
  readonly #file: FileHandle
  readonly #bounds: LogBounds
  #pending: Promise<unknown> = Promise.resolve()
  #size = 0
  #full = false

  private constructor(file: FileHandle, bounds: LogBounds) {
    this.#file = file
    this.#bounds = bounds
  }

  static async create(path: string, bounds: LogBounds): Promise<BuildLog> {
    return new BuildLog(await open(path, 'wx+', 0o600), bounds)
  }

  /** `true` once something had to be left out. */
  get isFull(): boolean {
    return this.#full
  }

  /** Bytes taken so far. */
  get size(): number {
    return this.#size
  }

  /** Output of a command, as it comes. Waiting for it is the back-pressure. */
  async write(chunk: Uint8Array): Promise<void> {
    const room = this.#bounds.maxBytes - this.#size
    if (chunk.byteLength > room) this.#full = true
    const taken = chunk.subarray(0, Math.max(0, room))
    const position = this.#size
    this.#size += taken.byteLength
    this.#pending = this.#pending.then(async () => this.#file.write(taken, 0, taken.byteLength, position))
    await this.#pending
  }

  /** A line of our own, marked so that no output can pass for it by accident. */
  async line(text: string): Promise<void> {
    await this.write(Buffer.from(`== ${text.replace(/[\r\n]+/g, ' ')}\n`))
  }

  /** The last bytes written, as text: what the failure patterns look at. */
  async tail(bytes: number): Promise<string> {
    const start = Math.max(0, this.#size - bytes)
    return (await this.#slice(start, this.#size)).toString('utf8')
  }

  /** Text from a position on, at most `bytes` of its end. */
  async since(position: number, bytes: number): Promise<string> {
    return this.tail(Math.min(bytes, Math.max(0, this.#size - position)))
  }

  /** The gzip bytes that are kept: all of a short log, head and tail of a long one. */
  async pack(): Promise<Uint8Array> {
    const { headBytes, tailBytes } = this.#bounds
    if (this.#size <= headBytes + tailBytes) return gzipAsync(await this.#slice(0, this.#size))
    const left = this.#size - headBytes - tailBytes
    const head = await this.#slice(0, headBytes)
    const tail = await this.#slice(this.#size - tailBytes, this.#size)
    const gap = Buffer.from(`\n== ${left} bytes are left out here\n`)
    return gzipAsync(Buffer.concat([head, gap, tail]))
  }

  async close(): Promise<void> {
    await this.#pending.catch(() => undefined)
    await this.#file.close()
  }

  async #slice(start: number, end: number): Promise<Buffer> {
    await this.#pending
    const bytes = Buffer.alloc(end - start)
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.byteLength, start)
    return bytes.subarray(0, bytesRead)
  }
}
