import type { Sha256 } from '../core/ids.ts'

export interface RecordRow {
  readonly path: string
  /** Undefined for the files that cannot name their own digest. */
  readonly sha256?: Sha256
  readonly size?: number
}

const FIELD = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n|\r|\n|$)/y
/** Members of the largest wheel that wheel-archive.ts lets through. */
const MAX_ROWS = 100_000

/** Reads RECORD (PEP 376, PEP 427): CSV of path, digest, size. Undefined when it is none, or uses anything but SHA-256. */
export function parseRecord(text: string): readonly RecordRow[] | undefined {
  const rows: RecordRow[] = []
  for (const fields of csvRows(text)) {
    const row = fields && readRow(fields)
    if (row === undefined || rows.length >= MAX_ROWS) return undefined
    rows.push(row)
  }
  return rows
}

function readRow(fields: readonly string[]): RecordRow | undefined {
  const [path = '', digest = '', size = ''] = fields
  if (fields.length !== 3 || path === '') return undefined
  const encoded = /^sha256=([A-Za-z0-9_-]{43})=?$/.exec(digest)?.[1]
  if ((digest !== '' && encoded === undefined) || !/^\d{0,15}$/.test(size)) return undefined
  return {
    path,
    ...(encoded !== undefined && { sha256: Buffer.from(encoded, 'base64url').toString('hex') as Sha256 }),
    ...(size !== '' && { size: Number(size) })
  }
}

/** Yields undefined where the text is no CSV. */
function* csvRows(text: string): Generator<readonly string[] | undefined> {
  let fields: string[] = []
  let at = 0
  while (at < text.length) {
    FIELD.lastIndex = at
    const match = FIELD.exec(text)
    if (match === null || match[0] === '') {
      yield undefined
      return
    }
    at = FIELD.lastIndex
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    if (match[3] === ',' && at < text.length) continue
    if (match[3] === ',') fields.push('')
    if (fields.length > 1 || fields[0] !== '') yield fields
    fields = []
  }
}
