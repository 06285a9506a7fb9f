import type { MergedProject } from '../core/merge-index.ts'
import type { PageFile } from '../core/project-page.ts'
import { escapeHtml } from './markup.ts'

/** PEP 792 made it 1.4; PEP 833 freezes HTML there. */
const API_VERSION = '1.4'
/** PEP 708 was rejected: its keys mean nothing to any client, and name other indexes. */
const DROPPED_KEYS: ReadonlySet<string> = new Set(['tracks', 'alternate-locations'])

/** A project's page as JSON (PEP 691, 700, 714, 740, 792). */
export function projectJson(project: MergedProject): string {
  const { meta, ...rest } = Object.fromEntries(
    Object.entries(project.rest).filter(([key]) => !DROPPED_KEYS.has(key))
  )
  const status = project.status === 'active' ? {} : { 'project-status': { status: project.status } }
  return JSON.stringify({
    ...status,
    ...rest,
    meta: { ...withoutDropped(meta), 'api-version': apiVersionOf(project.files) },
    name: project.name,
    versions: project.versions,
    files: project.files.map(fileJson)
  })
}

/** A project's page as HTML (PEP 503, 592, 629, 658, 714, 740, 792, frozen by PEP 833). */
export function projectHtml(project: MergedProject): string {
  const name = escapeHtml(project.name)
  const lines = project.files.map((file) => `${fileAnchor(file)}<br>`)
  return page(`Links for ${name}`, statusMeta(project), [`<h1>Links for ${name}</h1>`, ...lines])
}

/** The list of all projects as JSON (PEP 691). */
export function rootJson(names: readonly string[]): string {
  return JSON.stringify({ meta: { 'api-version': API_VERSION }, projects: names.map((name) => ({ name })) })
}

/** The list of all projects as HTML (PEP 503). */
export function rootHtml(names: readonly string[]): string {
  return page(
    'Simple index',
    '',
    names.map((name) => `<a href="${encodeURIComponent(name)}/">${escapeHtml(name)}</a><br>`)
  )
}

/** PEP 700 binds whoever says 1.1 or more to give every file's size; an HTML-only upstream cannot. */
function apiVersionOf(files: readonly PageFile[]): string {
  return files.every((file) => file.size !== undefined) ? API_VERSION : '1.0'
}

function withoutDropped(meta: unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(isObject(meta) ? meta : {}).filter(([key]) => !DROPPED_KEYS.has(key))
  )
}

/**
 * The file's own object, made safe for every client: pip 23.0.1 fails on `dist-info-metadata` in JSON (PEP 714 names
 * `core-metadata`), uv refuses a page where a file has no `hashes`, and a relative URL of upstream's would point here.
 */
function fileJson(file: PageFile): Readonly<Record<string, unknown>> {
  const { raw } = file
  const { hashes, 'dist-info-metadata': metadata, ...rest } = raw
  if (isObject(hashes) && raw['url'] === file.url && metadata === undefined) return raw
  const coreMetadata = metadata === undefined ? {} : { 'core-metadata': metadata }
  return { ...coreMetadata, ...rest, url: file.url, hashes: isObject(hashes) ? hashes : {} }
}

function fileAnchor(file: PageFile): string {
  const attributes = [
    ['href', `${file.url}${hashFragment(file)}`],
    ['data-requires-python', file.requiresPython],
    ['data-yanked', yankedText(file.yanked)],
    ...['data-core-metadata', 'data-dist-info-metadata'].map((key) => [key, metadataText(file.raw)]),
    ['data-provenance', typeof file.raw['provenance'] === 'string' ? file.raw['provenance'] : undefined]
  ]
  const text = attributes.map(([key, value]) =>
    key === undefined || value === undefined ? '' : ` ${key}="${escapeHtml(value)}"`
  )
  return `<a${text.join('')}>${escapeHtml(file.filename)}</a>`
}

/** PEP 503: one hash in the fragment, SHA-256 if there is one. */
function hashFragment(file: PageFile): string {
  const hashes = isObject(file.raw['hashes']) ? Object.entries(file.raw['hashes']) : []
  const [name, value] = file.sha256 === undefined ? (hashes[0] ?? []) : ['sha256', file.sha256]
  return name === undefined || typeof value !== 'string' ? '' : `#${name}=${value}`
}

function yankedText(yanked: boolean | string): string | undefined {
  if (yanked === false) return undefined
  return yanked === true ? '' : yanked
}

/** PEP 714: readers look at the new name first, pip before 23.1 knows the old one only. */
function metadataText(raw: PageFile['raw']): string | undefined {
  const metadata = raw['core-metadata'] ?? raw['dist-info-metadata'] ?? raw['data-dist-info-metadata']
  if (metadata === true) return 'true'
  const digest = isObject(metadata) ? metadata['sha256'] : undefined
  return typeof digest === 'string' ? `sha256=${digest}` : undefined
}

/** PEP 792, for HTML. */
function statusMeta(project: MergedProject): string {
  if (project.status === 'active') return ''
  const given = project.rest['project-status']
  const reason = isObject(given) && typeof given['reason'] === 'string' ? given['reason'] : undefined
  const meta = (name: string, content: string): string =>
    `\n<meta name="${name}" content="${escapeHtml(content)}">`
  const status = meta('pypi:project-status', project.status)
  return reason === undefined ? status : status + meta('pypi:project-status-reason', reason)
}

/** PEP 629 gives the version tag. */
function page(title: string, head: string, body: readonly string[]): string {
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    `<head>\n<meta charset="utf-8">\n<meta name="pypi:repository-version" content="${API_VERSION}">${head}`,
    `<title>${title}</title>\n</head>\n<body>`,
    ...body,
    '</body>\n</html>\n'
  ].join('\n')
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
