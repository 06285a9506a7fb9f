import { UpstreamError } from '../core/upstream-error.ts'
import type { Answer } from './open-url.ts'
import { retryAfterMs } from './retry-after.ts'

/** JSON first; the order of preference that uv has too (PEP 691, "Version + Format Selection"). */
export const ACCEPT_INDEX =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01'

export interface IndexRequest {
  readonly signal: AbortSignal
  readonly maxBytes: number
  readonly headers: Readonly<Record<string, string>>
}

/** One GET in the name of this mesh. */
export type OpenIndex = (url: string, request: IndexRequest) => Promise<Answer>

export function expectOk(answer: Answer): Answer {
  if (answer.status === 200) return answer
  answer.discard()
  const { url, status, headers } = answer
  const againMs = retryAfterMs(headers)
  throw new UpstreamError({
    code: 'UPSTREAM_UNAVAILABLE',
    url,
    status,
    ...(againMs !== undefined && (status === 429 || status === 503) && { retryAfterMs: againMs })
  })
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}
