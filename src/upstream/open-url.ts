import { UpstreamError } from '../core/upstream-error.ts'

export type Fetch = typeof globalThis.fetch

export interface OpenOptions {
  readonly fetch: Fetch
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Without any byte for this long, the request is given up. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

export interface Answer {
  readonly status: number
  /** After redirects. */
  readonly url: string
  readonly headers: Headers
  /** The body, decoded; read it to the end or call {@link Answer.discard}. */
  chunks(): AsyncIterable<Uint8Array>
  discard(): void
}

/**
 * One GET with a bound on silence and on size. Every failure is an UpstreamError with its cause, except an abort by
 * the caller, which is thrown as it is.
 */
export async function openUrl(url: string, options: OpenOptions): Promise<Answer> {
  const own = new AbortController()
  const silence = setTimeout(() => {
    own.abort(new Error(`no byte for ${options.timeoutMs} ms`))
  }, options.timeoutMs)
  const end = (): void => {
    clearTimeout(silence)
    own.abort()
  }
  try {
    const response = await options.fetch(url, {
      headers: options.headers,
      signal: AbortSignal.any([options.signal, own.signal])
    })
    silence.refresh()
    return {
      status: response.status,
      url: response.url === '' ? url : response.url,
      headers: response.headers,
      chunks: () => readChunks(response, url, options, { heard: () => silence.refresh(), end }),
      discard: end
    }
  } catch (cause) {
    end()
    throw failure(url, options.signal, cause)
  }
}

async function* readChunks(
  response: Response,
  url: string,
  options: OpenOptions,
  timer: { heard(): unknown; end(): void }
): AsyncGenerator<Uint8Array> {
  const { maxBytes } = options
  let total = 0
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      timer.heard()
      total += chunk.byteLength
      if (total > maxBytes) throw new UpstreamError({ code: 'UPSTREAM_TOO_LARGE', url, maxBytes })
      yield chunk
    }
  } catch (cause) {
    throw cause instanceof UpstreamError ? cause : failure(url, options.signal, cause)
  } finally {
    timer.end()
  }
}

function failure(url: string, signal: AbortSignal, cause: unknown): unknown {
  if (signal.aborted) return signal.reason
  return new UpstreamError({ code: 'UPSTREAM_UNAVAILABLE', url, status: 0 }, { cause })
}
