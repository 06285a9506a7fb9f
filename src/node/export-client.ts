import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { messageOf } from '../core/errors.ts'
import type { AbortOptions } from '../core/ports.ts'
import { badAnswer, ExportError } from './export-error.ts'

export interface ExportAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

export interface ExportClientOptions {
  /** Of the node, with a slash at the end. */
  readonly url: string
  readonly signal: AbortSignal
  readonly sleep: (ms: number, options?: AbortOptions) => Promise<void>
}

/** A node may have to ask upstream, or fetch a wheel of 300 MB from a slow member, before the first byte comes. */
const IDLE_MS = 180_000
/** Waits before a question is asked again: a node that is started again is back within these. */
const RETRY_WAITS_MS = [1_000, 4_000, 10_000]
/** Bytes of one page or one METADATA that are kept in memory: the largest page of upstream's has some 10 MB. */
const MAX_BODY_BYTES = 128 * 1024 * 1024

/**
 * Asks a node as any client does, so that what is exported is what the node sends. By node:http: `fetch` would inflate
 * compressed logs. Broken connections and answers are tried again; answers of 5xx are not, the node means them.
 */
export class ExportClient {
  readonly url: string
  readonly #signal: AbortSignal
  readonly #sleep: ExportClientOptions['sleep']
  readonly #agent = new Agent({ keepAlive: true })

  constructor({ url, signal, sleep }: ExportClientOptions) {
    this.url = url
    this.#signal = signal
    this.#sleep = sleep
  }

  close(): void {
    this.#agent.destroy()
  }

  /** A whole body in memory. */
  async get(
    path: string,
    headers: Readonly<Record<string, string>> = {}
  ): Promise<ExportAnswer & { readonly body: Buffer }> {
    return this.#tried(path, async () => {
      const answer = await this.#ask('GET', path, headers)
      return { ...headOf(answer), body: await bodyOf(path, answer) }
    })
  }

  async head(path: string): Promise<ExportAnswer> {
    return this.#tried(path, async () => {
      const answer = await this.#ask('HEAD', path, {})
      answer.resume()
      return headOf(answer)
    })
  }

  /** Hands the body of a 200 to `take`, from the first byte again when the connection broke. */
  async stream(
    path: string,
    headers: Readonly<Record<string, string>>,
    take: (body: AsyncIterable<Buffer>) => Promise<void>
  ): Promise<ExportAnswer> {
    return this.#tried(path, async () => {
      const answer = await this.#ask('GET', path, headers)
      if (answer.statusCode === 200) await take(answer)
      else answer.resume()
      return headOf(answer)
    })
  }

  async #tried<T>(path: string, work: () => Promise<T>): Promise<T> {
    for (const waitMs of [...RETRY_WAITS_MS, undefined]) {
      try {
        return await work()
      } catch (error) {
        this.#signal.throwIfAborted()
        if (!isBrokenConnection(error)) throw error
        if (waitMs === undefined) throw this.#silent(path, error)
        await this.#sleep(waitMs, { signal: this.#signal })
      }
    }
    throw new TypeError('unreachable: the last try returns or throws')
  }

  #silent(path: string, cause: unknown): ExportError {
    return new ExportError(
      {
        code: 'EXPORT_NODE_SILENT',
        path: new URL(path, this.url).href,
        reason: messageOf(cause),
        cure: 'see that the node runs (commonwheel status), then run the export again: what it has fetched stays'
      },
      { cause }
    )
  }

  #ask(method: string, path: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const asked = request(new URL(path, this.url), {
        method,
        agent: this.#agent,
        signal: this.#signal,
        headers: { 'accept-encoding': 'identity', 'user-agent': 'commonwheel-export', ...headers }
      })
      asked.setTimeout(IDLE_MS, () =>
        asked.destroy(Object.assign(new Error('nothing came'), { code: 'ETIMEDOUT' }))
      )
      asked.once('response', resolve)
      asked.once('error', reject)
      asked.end()
    })
  }
}

function headOf({ statusCode = 0, headers }: IncomingMessage): ExportAnswer {
  return { status: statusCode, headers }
}

async function bodyOf(path: string, answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes > MAX_BODY_BYTES) throw badAnswer(path, `it is longer than ${MAX_BODY_BYTES} bytes`)
  }
  return Buffer.concat(chunks)
}

/** Of the connection, and not of a disk that is full or of what came. */
const BROKEN: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  'HPE_INVALID_CONSTANT',
  'ERR_STREAM_PREMATURE_CLOSE'
])

function isBrokenConnection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && BROKEN.has(String(error.code))
}
