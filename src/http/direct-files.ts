import type { ServerResponse } from 'node:http'
import { isSha256 } from '../core/ids.ts'
import { type DirectAnswer, isPlain } from './direct-answer.ts'
import { FILE_BUFFERS, givingBack } from './file-buffers.ts'
import { type FileAnswer, type FileSource, fileAnswer, type SentPart } from './file-routes.ts'
import { DIRECT_FILE_BYTES } from './http-limits.ts'

/** A wheel by its digest, or the METADATA beside it, with nothing that would have to be decoded. */
const FILE_PATH = /^\/files\/([0-9a-f]{64})\/([A-Za-z0-9_.+-]+\.whl(?:\.metadata)?)$/

/**
 * Small files that are here, small parts of larger ones, and every answer about a file that has no body, past the router. Refusals are
 * the router's, as is what has to be checked, mended or fetched first: a file goes this way from its second time on.
 */
export function createDirectFiles(files: FileSource): DirectAnswer {
  return (incoming, outgoing, otherwise) => {
    const [, digest = '', asked = ''] = FILE_PATH.exec(incoming.url ?? '') ?? []
    if (!isSha256(digest) || !isPlain(incoming)) return false
    const { headers, method } = incoming
    const answer = fileAnswer(files, {
      digest,
      asked,
      isGet: method === 'GET',
      ifNoneMatch: headers['if-none-match'],
      ifRange: headerOf(headers['if-range']),
      range: headers.range
    })
    if (answer.kind === 'refused') return false
    if (answer.part !== undefined) return sendPart(answer, answer.part, { files, outgoing, otherwise })
    outgoing.writeHead(answer.status, answer.headers).end()
    return true
  }
}

interface Sending {
  readonly files: FileSource
  readonly outgoing: ServerResponse
  readonly otherwise: () => void
}

function sendPart(
  answer: FileAnswer,
  { digest, ...part }: SentPart,
  { files, outgoing, otherwise }: Sending
): boolean {
  if (part.end - part.start > DIRECT_FILE_BYTES) return false
  const reading = files.part?.(digest, { ...part, buffers: FILE_BUFFERS })
  if (reading === undefined) return false
  void reading.then((bytes) => {
    if (outgoing.destroyed) return
    if (bytes === undefined) {
      otherwise()
      return
    }
    outgoing.writeHead(answer.status, answer.headers).write(bytes, givingBack(bytes))
    outgoing.end()
  })
  return true
}

/** node:http has a list only for a header that no client sends twice. */
function headerOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(', ')
}
