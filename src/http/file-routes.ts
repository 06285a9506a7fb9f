import type { Context, Hono } from 'hono'
import { messageOf } from '../core/errors.ts'
import { type Sha256, isSha256 } from '../core/ids.ts'
import type { ReadBuffers } from '../core/read-buffers.ts'
import type { AbortOptions, BlobPart, Log } from '../core/ports.ts'
import { type ByteRange, matchesEtag, parseRange, rangeStillHolds } from './conditional.ts'
import { FILE_BUFFERS } from './file-buffers.ts'
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
  /** `gone`: retracted. undefined: not a wheel of this mesh, or not by this name. */
  find(digest: Sha256, filename: string): ServedFile | 'gone' | undefined
  /** Opens a blob wherever it is, checked while it streams; rejects when nobody has it. `end` of the range is exclusive. */
  open(digest: Sha256, range?: ByteRange, options?: OpenOptions): Promise<OpenedFile>
  /** A small part, when it is here and was checked before; undefined, at once or later: ask `open`. Never rejects. */
  part?(digest: Sha256, part: BlobPart): Promise<Uint8Array<ArrayBuffer> | undefined> | undefined
}

export interface OpenOptions extends AbortOptions {
  /** The wheel to which the blob belongs: who has the one has the other. */
  readonly wheel?: Sha256
  /** As in a {@link BlobRange}, for as much of it as is read from the disk here. */
  readonly buffers?: ReadBuffers
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

/** What an answer about a file depends on. */
interface FileRequest {
  readonly digest: string
  /** Last part of the path. */
  readonly asked: string
  readonly isGet: boolean
  readonly ifNoneMatch: string | undefined
  readonly ifRange: string | undefined
  readonly range: string | undefined
}

export interface FileAnswer {
  readonly kind: 'answer'
  readonly status: 200 | 206 | 304
  readonly headers: Record<string, string>
  /** Undefined: no body, as for HEAD and 304. */
  readonly part: SentPart | undefined
}

/** `end` exclusive. */
export interface SentPart extends ByteRange {
  readonly digest: Sha256
  /** Of the whole blob. */
  readonly size: number
}

interface Refused {
  readonly kind: 'refused'
  readonly status: 404 | 410 | 416
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

const UNKNOWN: Refused = { kind: 'refused', status: 404, text: 'This mesh has no such file.\n' }
const RETRACTED: Refused = { kind: 'refused', status: 410, text: 'This file was retracted.\n' }

/** `/files/<sha256>/<file name>` and, by PEP 658, `<file name>.metadata` beside it. */
export function addFileRoutes(app: Hono<HttpEnv>, parts: FileRouteParts): void {
  app.get('/files/:digest/:filename', async (c) => {
    const digest = c.req.param('digest')
    const answer = fileAnswer(parts.files, {
      digest,
      asked: c.req.param('filename'),
      isGet: c.req.method === 'GET',
      ifNoneMatch: c.req.header('if-none-match'),
      ifRange: c.req.header('if-range'),
      range: c.req.header('range')
    })
    if (answer.kind === 'refused') return textAnswer(answer.status, answer.text, answer.headers)
    if (answer.part === undefined || !isSha256(digest)) return new Response(null, answer)
    return sendPart(c, { ...answer, part: answer.part, wheel: digest }, parts)
  })
}

/** What is said of a file, and which part of it is sent: decided here alone, whichever way the request came. */
export function fileAnswer(files: Pick<FileSource, 'find'>, request: FileRequest): FileAnswer | Refused {
  const { digest, asked, isGet } = request
  const isMetadata = asked.endsWith(METADATA_SUFFIX)
  const filename = isMetadata ? asked.slice(0, -METADATA_SUFFIX.length) : asked
  const found = isSha256(digest) ? files.find(digest, filename) : undefined
  if (found === 'gone') return RETRACTED
  if (found === undefined || !isSha256(digest)) return UNKNOWN
  const blob = isMetadata ? metadataOf(found) : { digest, size: found.size, type: 'application/octet-stream' }
  const etag = `"${blob.digest}"`
  if (matchesEtag(request.ifNoneMatch, etag)) {
    return { kind: 'answer', status: 304, headers: lasting(etag), part: undefined }
  }
  // RFC 9110 §14.2: a range has a meaning for GET only.
  const range = parseRange(
    isGet && rangeStillHolds(request.ifRange, etag) ? request.range : undefined,
    blob.size
  )
  if (range === 'unsatisfiable') return unsatisfiable(blob.size)
  return bodyOf(blob, range, isGet)
}

interface NamedBlob {
  readonly digest: Sha256
  readonly size: number
  readonly type: string
}

function metadataOf({ metadata, metadataSize }: ServedFile): NamedBlob {
  return { digest: metadata, size: metadataSize, type: 'text/plain; charset=utf-8' }
}

function bodyOf({ digest, size, type }: NamedBlob, range: ByteRange | undefined, isGet: boolean): FileAnswer {
  const { start, end } = range ?? { start: 0, end: size }
  const headers: Record<string, string> = lasting(`"${digest}"`)
  headers['content-type'] = type
  headers['content-length'] = String(end - start)
  if (range !== undefined) headers['content-range'] = `bytes ${start}-${end - 1}/${size}`
  const part = isGet ? { digest, start, end, size } : undefined
  return { kind: 'answer', status: range === undefined ? 200 : 206, headers, part }
}

function lasting(etag: string): Record<string, string> {
  return {
    etag,
    'cache-control': FOREVER,
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff'
  }
}

function unsatisfiable(size: number): Refused {
  const headers = { 'content-range': `bytes */${size}` }
  return { kind: 'refused', status: 416, text: 'The file is shorter than that.\n', headers }
}

interface Sending extends FileAnswer {
  readonly part: SentPart
  readonly wheel: Sha256
}

async function sendPart(
  c: Context<HttpEnv>,
  { status, headers, part, wheel }: Sending,
  { files, log }: FileRouteParts
): Promise<Response> {
  const range = status === 206 ? { start: part.start, end: part.end } : undefined
  try {
    const { chunks } = await files.open(part.digest, range, {
      signal: c.req.raw.signal,
      wheel,
      buffers: FILE_BUFFERS
    })
    return await streamBody(c, { status, headers }, await begun(chunks, part.end - part.start), log)
  } catch (error) {
    log.warn('file not available', { digest: part.digest, error: messageOf(error) })
    return textAnswer(503, 'No holder of this file can be reached at the moment.\n', { 'retry-after': '10' })
  }
}
