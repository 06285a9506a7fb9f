import type { ProjectName } from '../core/ids.ts'
import { PAGE_FRESH_MS } from '../core/limits.ts'
import { onlyOurs, type MergedProject } from '../core/merge-index.ts'
import { matchesEtag } from './conditional.ts'
import { ACCEPT_MEMO_ENTRIES, PAGE_CACHE_BYTES, ROOT_CACHE_BYTES } from './http-limits.ts'
import { acceptsGzip, chooseType } from './negotiate.ts'
import { type HeaderList, pageKind, type PageKind, plainForm, type Representation } from './page.ts'
import { createPageCache, type Form, type KeptPage, type PageCache, type PageShelf } from './page-cache.ts'
import { projectHtml, projectJson, rootHtml, rootJson, serialOf } from './simple-page.ts'

/** What the simple index asks for. It may throw when upstream could not be asked and nothing was ever known. */
export interface IndexSource {
  /** undefined: upstream has no such project. */
  project(name: ProjectName): Promise<IndexedProject | undefined>
  /** The same array as long as nothing changed: its identity says that the page is still good. */
  projectNames(): Promise<readonly string[]>
  /** Those of them that have wheels of the mesh; a source without it has none. */
  meshProjectNames?(): Promise<readonly string[]>
  /** What `project` would say, when it can be said without waiting for anybody. */
  standing?(name: string): Standing | undefined
}

/** How a project stands, without what it is. */
export interface Standing {
  /** Changes whenever the merged project does. */
  readonly revision: string
  /** How old upstream's page is, when that is known. */
  readonly ageMs?: number
}

export interface IndexedProject extends Standing {
  readonly merged: MergedProject
}

/** The merged index, the same with wheels that wait for their batch, and the mesh's own wheels alone. */
export type IndexView = 'simple' | 'staged' | 'mesh/simple'

/** What an answer depends on. */
export interface PageRequest {
  readonly isHead: boolean
  readonly accept: string | undefined
  readonly acceptEncoding: string | undefined
  readonly ifNoneMatch: string | undefined
}

export interface PageAnswer {
  readonly status: 200 | 304
  readonly headers: HeaderList
  /** Undefined: none, as for HEAD and 304. */
  readonly body: Uint8Array<ArrayBuffer> | undefined
}

/** PEP 691; the first is what a client without wishes gets. */
const TYPES = [
  'text/html',
  'application/vnd.pypi.simple.v1+json',
  'application/vnd.pypi.simple.v1+html',
  'application/vnd.pypi.simple.latest+json',
  'application/vnd.pypi.simple.latest+html'
] as const
type Format = 'text/html' | 'application/vnd.pypi.simple.v1+json' | 'application/vnd.pypi.simple.v1+html'

/** Rendered pages of all views of one node: one bound for all of them. */
interface PageCaches {
  readonly projects: PageCache
  readonly roots: PageCache
}

export function createPageCaches(): PageCaches {
  return { projects: createPageCache(PAGE_CACHE_BYTES), roots: createPageCache(ROOT_CACHE_BYTES) }
}

/** The pages of one view of the index. What is said in them, and whether a client has it already, is decided here alone. */
export class SimpleIndex {
  readonly #view: IndexView
  readonly #source: IndexSource
  readonly #projects: Shelves
  readonly #lists: Shelves
  readonly #rootRevisions = new WeakMap<readonly string[], string>()
  #roots = 0

  constructor(view: IndexView, source: IndexSource, caches: PageCaches) {
    this.#view = view
    this.#source = source
    this.#projects = shelvesOf(caches.projects)
    this.#lists = shelvesOf(caches.roots)
  }

  /** The answer, when nobody has to be waited for and nothing has to be made: nearly always. `name` may be any text. */
  hot(name: string, request: PageRequest): PageAnswer | undefined {
    const standing = this.#source.standing?.(name)
    if (standing === undefined) return undefined
    const page = this.#projects[formatOf(request.accept)].find(name, standing.revision)
    const form = page?.ready(formOf(request))
    return form && answer(form, request, standing.ageMs)
  }

  /** undefined: no such project. */
  async project(name: ProjectName, request: PageRequest): Promise<PageAnswer | undefined> {
    const format = formatOf(request.accept)
    const standing = this.#source.standing?.(name)
    const kept = standing && this.#projects[format].find(name, standing.revision)
    if (kept !== undefined) return answer(await kept.get(formOf(request)), request, standing?.ageMs)
    const found = await this.#source.project(name)
    const merged = found && this.#seen(found.merged)
    if (found === undefined || merged === undefined) return undefined
    const page =
      this.#projects[format].find(name, found.revision) ??
      this.#make({ name, format, merged, revision: found.revision })
    return answer(await page.get(formOf(request)), request, found.ageMs)
  }

  /** The list of all projects. */
  async root(request: PageRequest): Promise<PageAnswer> {
    const names = await this.#names()
    const revision = this.#rootRevisions.get(names) ?? String((this.#roots += 1))
    this.#rootRevisions.set(names, revision)
    const format = formatOf(request.accept)
    const shelf = this.#lists[format]
    const render = isJson(format) ? rootJson : rootHtml
    const page = shelf.find('', revision) ?? shelf.put('', revision, plainForm(render(names), KINDS[format]))
    return answer(await page.get(formOf(request)), request)
  }

  #names(): Promise<readonly string[]> {
    if (this.#view !== 'mesh/simple') return this.#source.projectNames()
    return this.#source.meshProjectNames?.() ?? Promise.resolve(NO_NAMES)
  }

  #seen(merged: MergedProject): MergedProject | undefined {
    return this.#view === 'mesh/simple' ? onlyOurs(merged, '../') : merged
  }

  #make({ name, format, merged, revision }: Making): KeptPage {
    const render = isJson(format) ? projectJson : projectHtml
    const serial = serialOf(merged)
    const own = serial === undefined ? [] : ['x-pypi-last-serial', serial]
    return this.#projects[format].put(name, revision, plainForm(render(merged), KINDS[format], own))
  }
}

interface Making {
  readonly name: ProjectName
  readonly format: Format
  readonly merged: MergedProject
  readonly revision: string
}

type Shelves = Readonly<Record<Format, PageShelf>>

function shelvesOf(cache: PageCache): Shelves {
  return byFormat(() => cache.shelf())
}

const NO_NAMES: readonly string[] = []

function answer(form: Representation, request: PageRequest, ageMs = 0): PageAnswer {
  if (matchesEtag(request.ifNoneMatch, form.etag))
    return { status: 304, headers: aged(form.notModifiedHeaders, ageMs), body: undefined }
  return { status: 200, headers: aged(form.headers, ageMs), body: request.isHead ? undefined : form.body }
}

/** A page that cannot be made fresh says how old it is. */
function aged(headers: HeaderList, ageMs: number): HeaderList {
  if (ageMs <= PAGE_FRESH_MS) return headers
  return [...headers, 'x-commonwheel-page-age', String(Math.round(ageMs / 1000))]
}

/** A page is asked for again each time, cheaply: a stale one costs its reader a build from source. */
const KINDS: Readonly<Record<Format, PageKind>> = byFormat((format) =>
  pageKind({
    'content-type': format === 'text/html' ? 'text/html; charset=utf-8' : format,
    'cache-control': 'max-age=0, must-revalidate',
    vary: 'Accept, Accept-Encoding',
    'x-content-type-options': 'nosniff',
    ...(isJson(format) ? {} : { 'content-security-policy': "default-src 'none'" })
  })
)

function byFormat<T>(make: (format: Format) => T): Readonly<Record<Format, T>> {
  return {
    'text/html': make('text/html'),
    'application/vnd.pypi.simple.v1+json': make('application/vnd.pypi.simple.v1+json'),
    'application/vnd.pypi.simple.v1+html': make('application/vnd.pypi.simple.v1+html')
  }
}

function isJson(format: Format): boolean {
  return format.endsWith('+json')
}

/**
 * Negotiation costs more than all the rest of a hot page, and there are as many headers as there are installers. Of others, which
 * no installer sends, nothing is remembered for long.
 */
function remembered<T>(work: (header: string | undefined) => T): (header: string | undefined) => T {
  const memo = new Map<string, T>()
  // One client asks many times in a row: to compare two texts is less work than to look one up.
  let last: { readonly header: string; readonly made: T } | undefined
  return (header = '') => {
    if (last?.header === header) return last.made
    const known = memo.get(header)
    const made = known ?? work(header === '' ? undefined : header)
    if (header.length > MAX_REMEMBERED_CHARS) return made
    if (known === undefined && memo.size >= ACCEPT_MEMO_ENTRIES) memo.clear()
    memo.set(header, made)
    last = { header, made }
    return made
  }
}

/** The longest header that an installer sends has some 110. */
const MAX_REMEMBERED_CHARS = 300

const formatOf = remembered((accept) => chooseType(accept, TYPES).replace('latest', 'v1') as Format)
const encodingOf = remembered((acceptEncoding): Form => (acceptsGzip(acceptEncoding) ? 'gzip' : 'plain'))

function formOf({ acceptEncoding }: PageRequest): Form {
  return encodingOf(acceptEncoding)
}
