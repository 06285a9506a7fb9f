import { isSha256, type ProjectName } from './ids.ts'
import type { PageFile, ProjectPage } from './project-page.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** More than any project has; a page above this is cut, not refused, so that the rest stays usable. */
const MAX_PAGE_FILES = 200_000
const MAX_URL_CHARS = 4_000
const MAX_FIELD_CHARS = 1_000
/** One path segment that is safe to serve and to store: no separators, no control characters, not hidden. */
const FILENAME = /^(?!\.)[^/\\\p{Cc}]{1,255}$/u
/** Keys of PEP 691 and 700 that {@link ProjectPage} has fields for. `project-status` stays: it has a reason too. */
const READ_KEYS: ReadonlySet<string> = new Set(['name', 'files', 'versions'])

/**
 * Reads a project page of the JSON simple API (PEP 691, 700, 792), tolerantly: what has a wrong type is dropped,
 * what is unknown is kept to be passed on. Throws a TypeError only when it is no page at all.
 */
export function parseProjectPage(json: unknown, name: ProjectName): ProjectPage {
  if (!isObject(json) || !Array.isArray(json['files'])) throw new TypeError(`not a project page: ${name}`)
  const { files, versions } = json as { files: readonly unknown[]; versions?: unknown }
  return {
    name,
    files: files.slice(0, MAX_PAGE_FILES).flatMap((file) => readFile(file) ?? []),
    versions: Array.isArray(versions) ? versions.filter(isField) : [],
    status: readStatus(json['project-status']),
    rest: Object.fromEntries(Object.entries(json).filter(([key]) => !READ_KEYS.has(key)))
  }
}

function readFile(json: unknown): PageFile | undefined {
  if (!isObject(json)) return undefined
  const { filename, url } = json
  if (typeof filename !== 'string' || !FILENAME.test(filename) || !isWebUrl(url)) return undefined
  return { filename, url, yanked: readYanked(json['yanked']), raw: json, ...readOptional(json) }
}

function readOptional(json: JsonObject): Pick<PageFile, 'sha256' | 'size' | 'requiresPython' | 'uploadTime'> {
  const { hashes, size } = json
  const sha256 = isObject(hashes) ? hashes['sha256'] : undefined
  const requiresPython = json['requires-python']
  const uploadTime = json['upload-time']
  return {
    ...(isSha256(sha256) && { sha256 }),
    ...(isSize(size) && { size }),
    ...(isField(requiresPython) && { requiresPython }),
    ...(isField(uploadTime) && { uploadTime })
  }
}

/** PEP 592: false, true, or the reason; an empty reason is still a yank. */
function readYanked(yanked: unknown): boolean | string {
  if (typeof yanked === 'string') return yanked === '' ? true : yanked.slice(0, MAX_FIELD_CHARS)
  return yanked === true
}

/** PEP 792: a page without a status is active. */
function readStatus(status: unknown): string {
  const text = isObject(status) ? status['status'] : undefined
  return isField(text) ? text : 'active'
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isField(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_FIELD_CHARS
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isWebUrl(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_URL_CHARS && /^https?:\/\//i.test(value)
}
