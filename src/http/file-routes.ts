import type { Context, Hono } from 'hono'
import { messageOf } from '../core/errors.ts'
import { type Sha256, isSha256 } from '../core/ids.ts'
import type { AbortOptions, Log } from '../core/ports.ts'
import { type ByteRange, matchesEtag, parseRange, rangeStillHolds } from './conditional.ts'
import type { HttpEnv } from './http-env.ts'
import { begun, streamBody } from './stream-body.ts'
import { textAnswer } from './text-answer.ts'

/** What the catalogue knows of a wheel that may be served: published or testing. */
export interface ServedFile {
  readonly filename: string
  readonly size: number
  /** METADATA of this very wheel, a blob of its own. */
  readonly metadata: Sha256
  readonly metadataSize: number
}

export interface FileSource {
  /** `gone`: retracted. undefined: not a wheel of this mesh. */
  find(digest: Sha256): ServedFile | 'gone' | undefined
  /** Opens a blob wherever it is, checked while it streams; rejects when nobody has it. `end` of the range is exclusive. */
  open(digest: Sha256, range?: ByteRange, options?: OpenOptions): Promise<OpenedFile>
}

export interface OpenOptions extends AbortOptions {
  /** The wheel to which the blob belongs: who has the one has the other. */
  readonly wheel?: Sha256
}

export interface OpenedFile {
  /** Of the whole blob. */
  readonly size: number
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface FileRouteParts {
  readonly files: FileSource
  readonly log: Log
}

/** A digest in the path names the bytes for ever. */
const FOREVER = 'public, max-age=365000000, immutable'
const METADATA_SUFFIX = '.metadata'

/** `/files/<sha256>/<file name>` and, by PEP 658, `<file name>.metadata` beside it. */
export function addFileRoutes(app: Hono<HttpEnv>, parts: FileRouteParts): void {
  app.get('/files/:digest/:filename', async (c) => {
    const digest = c.req.param('digest')
    const found = isSha256(digest) ? parts.files.find(digest) : undefined
    if (found === 'gone') return textAnswer(410, 'This file was retracted.\n')
    const blob = found && isSha256(digest) ? blobNamed(c.req.param('filename'), digest, found) : undefined
    if (blob === undefined) return textAnswer(404, 'This mesh has no such file.\n')
    return sendBlob(c, blob, parts)
  })
}

interface NamedBlob {
  readonly digest: Sha256
  readonly wheel: Sha256
  readonly size: number
  readonly type: string
}

function blobNamed(filename: string, digest: Sha256, file: ServedFile): NamedBlob | undefined {
  if (filename === file.filename)
    return { digest, wheel: digest, size: file.size, type: 'application/octet-stream' }
  if (filename !== file.filename + METADATA_SUFFIX) return undefined
  return {
    digest: file.metadata,
    wheel: digest,
    size: file.metadataSize,
    type: 'text/plain; charset=utf-8'
  }
}

async function sendBlob(c: Context<HttpEnv>, blob: NamedBlob, parts: FileRouteParts): Promise<Response> {
  const etag = `"${blob.digest}"`
  const headers = {
    etag,
    'cache-control': FOREVER,
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff'
  }
  if (matchesEtag(c.req.header('if-none-match'), etag)) return new Response(null, { status: 304, headers })
  // RFC 9110 §14.2: a range has a meaning for GET only.
  const isGet = c.req.method === 'GET'
  const asked = isGet && rangeStillHolds(c.req.header('if-range'), etag) ? c.req.header('range') : undefined
  const range = parseRange(asked, blob.size)
  if (range === 'unsatisfiable') return unsatisfiable(blob.size)
  const length = range === undefined ? blob.size : range.end - range.start
  const head = {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      'content-type': blob.type,
      'content-length': String(length),
      ...(range && { 'content-range': `bytes ${range.start}-${range.end - 1}/${blob.size}` })
    }
  }
  if (!isGet) return new Response(null, head)
  try {
    const from = { signal: c.req.raw.signal, wheel: blob.wheel }
    const { chunks } = await parts.files.open(blob.digest, range, from)
    return await streamBody(c, head, await begun(chunks, length), parts.log)
  } catch (error) {
    parts.log.warn('file not available', { digest: blob.digest, error: messageOf(error) })
    return textAnswer(503, 'No holder of this file can be reached at the moment.\n', { 'retry-after': '10' })
  }
}

function unsatisfiable(size: number): Response {
  return textAnswer(416, 'The file is shorter than that.\n', { 'content-range': `bytes */${size}` })
}
