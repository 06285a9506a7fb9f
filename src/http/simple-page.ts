import type { MergedProject } from '../core/merge-index.ts'
import type { PageFile } from '../core/project-page.ts'
import { escapeHtml } from './markup.ts'
import { fileJson, hrefOf, isWebUrl, metadataText } from './simple-file.ts'

/** PEP 792 made it 1.4; PEP 833 freezes HTML there. */
const API_VERSION = '1.4'
/** PEP 708 was rejected: its keys mean nothing to any client, and name other indexes. */
const DROPPED_KEYS: ReadonlySet<string> = new Set(['tracks', 'alternate-locations'])

/** A project's page as JSON (PEP 691, 700, 714, 740, 792). */
export function projectJson(project: MergedProject): string {
  const { meta, 'project-status': status, ...rest } = passedOn(project.rest)
  return JSON.stringify({
    ...(isStatus(status) && { 'project-status': status }),
    ...rest,
    meta: { ...passedOn(meta), 'api-version': apiVersionOf(project.files) },
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

/** Upstream's serial of the page, for `X-PyPI-Last-Serial`; some mirrors of PyPI write it as text. */
export function serialOf({ rest: { meta } }: MergedProject): string | undefined {
  const serial = isObject(meta) ? meta['_last-serial'] : undefined
  return /^\d{1,16}$/.test(String(serial)) ? String(serial) : undefined
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

/** An empty list of the rejected keys says nothing to anybody: it stays, as upstream's page is upstream's. */
function passedOn(keys: unknown): Readonly<Record<string, unknown>> {
  const isKept = ([key, value]: [string, unknown]): boolean =>
    !DROPPED_KEYS.has(key) || (Array.isArray(value) && value.length === 0)
  return Object.fromEntries(Object.entries(isObject(keys) ? keys : {}).filter(isKept))
}

/** uv refuses a page whose status is no object. */
function isStatus(value: unknown): boolean {
  return isObject(value) && typeof value['status'] === 'string'
}

function fileAnchor(file: PageFile): string {
  const { provenance, 'gpg-sig': signed } = file.raw
  const attributes = [
    ['href', hrefOf(file)],
    ['data-requires-python', file.requiresPython],
    ['data-yanked', yankedText(file.yanked)],
    // PEP 714: readers look at the new name first, pip before 23.1 knows the old one only.
    ...['data-core-metadata', 'data-dist-info-metadata'].map((key) => [key, metadataText(file.raw)]),
    ['data-gpg-sig', typeof signed === 'boolean' ? String(signed) : undefined],
    ['data-provenance', isWebUrl(provenance) ? provenance : undefined]
  ]
  const text = attributes.map(([key, value]) =>
    key === undefined || value === undefined ? '' : ` ${key}="${escapeHtml(value)}"`
  )
  return `<a${text.join('')}>${escapeHtml(file.filename)}</a>`
}

function yankedText(yanked: boolean | string): string | undefined {
  if (yanked === false) return undefined
  return yanked === true ? '' : yanked
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
