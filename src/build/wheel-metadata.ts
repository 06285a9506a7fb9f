/** A header block as METADATA and WHEEL have it (core metadata, after RFC 822): names in lower case, values in order. */
export type Headers = ReadonlyMap<string, readonly string[]>

export interface CoreMetadata {
  readonly name: string
  readonly version: string
  /** `''` without one. */
  readonly requiresPython: string
}

export interface WheelFile {
  readonly wheelVersion: string
  readonly tags: readonly string[]
  readonly build: string
}

/** Classifiers and dependencies of the largest packages stay below this. */
const MAX_HEADERS = 20_000

/** Reads headers up to the first empty line; folded lines are joined by a line end. Undefined when it is no header block. */
export function parseHeaders(bytes: Uint8Array): Headers | undefined {
  const [block = ''] = new TextDecoder().decode(bytes).split(/\r?\n\r?\n/, 1)
  const headers = new Map<string, string[]>()
  let last: string[] | undefined
  for (const [index, line] of block.split(/\r?\n/).entries()) {
    if (index > MAX_HEADERS) return undefined
    if (/^[ \t]/.test(line) && last !== undefined) {
      last.push(`${last.pop() ?? ''}\n${line.trim()}`)
      continue
    }
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (line === '' && index > 0) continue
    if (colon < 1 || !/^[a-z0-9-]+$/.test(name)) return undefined
    last = headers.get(name) ?? []
    headers.set(name, last)
    last.push(line.slice(colon + 1).trim())
  }
  return headers
}

/** The fields of METADATA that say whose it is; undefined when one is missing or doubled. Newer versions are read too. */
export function parseCoreMetadata(bytes: Uint8Array): CoreMetadata | undefined {
  const headers = parseHeaders(bytes)
  const version = headers && onlyOne(headers, 'version')
  const name = headers && onlyOne(headers, 'name')
  const requiresPython = headers?.get('requires-python') ?? ['']
  if (!version || !name || requiresPython.length > 1 || onlyOne(headers, 'metadata-version') === undefined) {
    return undefined
  }
  return { name, version, requiresPython: requiresPython[0] ?? '' }
}

/** The WHEEL file (PEP 427). */
export function parseWheelFile(bytes: Uint8Array): WheelFile | undefined {
  const headers = parseHeaders(bytes)
  const wheelVersion = headers && onlyOne(headers, 'wheel-version')
  if (!wheelVersion) return undefined
  return { wheelVersion, tags: headers.get('tag') ?? [], build: headers.get('build')?.[0] ?? '' }
}

function onlyOne(headers: Headers, name: string): string | undefined {
  const values = headers.get(name)
  return values?.length === 1 ? values[0] : undefined
}
