import type { ProjectName, TargetId } from './ids.ts'
import type { PageFile, ProjectPage } from './project-page.ts'
import type { PublishedWheel } from './published.ts'
import { parseTarget } from './target.ts'
import { parseVersion, versionKey } from './version.ts'
import { parseSdistName, parseWheelName } from './wheel-name.ts'
import { wheelFitsTarget } from './wheel-tags.ts'

/** Why a wheel of the mesh is yanked when upstream has one that installs on the same target. */
export const UPSTREAM_SHIPS_IT = 'upstream now ships a wheel for this target'

/** The latest date that ECMAScript can print; a builder's clock must not be able to break a page. */
const MAX_DATE_MS = 8.64e15

export interface MergeInput {
  /** What upstream said last; undefined: upstream has no such project. */
  readonly page: ProjectPage | undefined
  readonly wheels: readonly PublishedWheel[]
  /** Whether an upstream file of that name is a wheel that installs on the target: {@link fileFitsTarget}. */
  readonly fits: (filename: string, target: TargetId) => boolean
}

/** One project as every node serves it: upstream's files, then the mesh's. */
export interface MergedProject {
  readonly name: ProjectName
  /** PEP 792. */
  readonly status: string
  /** Upstream's other top-level keys. */
  readonly rest: Readonly<Record<string, unknown>>
  /** PEP 700. */
  readonly versions: readonly string[]
  /** Upstream's as they came; the mesh's have a relative `url` and a `_commonwheel` key in `raw` (PEP 691 reserves `_`). */
  readonly files: readonly PageFile[]
  /** How many of the last `files` are the mesh's own: an upstream that is itself a mesh has that key, too. */
  readonly oursCount: number
}

/**
 * The merged index: a pure function of upstream's page and the published wheels, so that nodes that know the same
 * serve the same bytes. A project unknown upstream has no page: a name of ours can never shadow or precede one of
 * upstream's. A quarantined project (PEP 792) has no files, ours neither. Spec: docs/protocol/index.md#merging
 */
export function mergeProject({ page, wheels, fits }: MergeInput): MergedProject | undefined {
  if (page === undefined) return undefined
  const { name, status, rest } = page
  if (status === 'quarantined')
    return { name, status, rest, versions: page.versions, files: [], oursCount: 0 }
  const releases = releasesOf(page)
  const listed = listedWheels(page, wheels, releases)
  const ours = listed.map((wheel) =>
    meshFile(wheel, yankedBecause(wheel, releases.get(keyOf(wheel.version)) ?? [], fits))
  )
  const files = [...page.files, ...ours]
  return { name, status, rest, versions: versionsOf(page, listed), files, oursCount: ours.length }
}

/**
 * The mesh's own wheels alone, for clients that must have this index beside another one; undefined when there are none,
 * so that such a client looks elsewhere. `up` leads one folder further up than the merged page's URLs do.
 */
export function onlyOurs(merged: MergedProject, up: '../'): MergedProject | undefined {
  const { name, status, rest, oursCount } = merged
  if (oursCount === 0) return undefined
  const files = merged.files.slice(-oursCount).map((file) => deeper(file, up))
  const versions = [...new Set(files.flatMap(({ filename }) => parseWheelName(filename)?.version ?? []))]
  const given = rest['project-status']
  return {
    name,
    status,
    rest: given === undefined ? {} : { 'project-status': given },
    versions,
    files,
    oursCount
  }
}

function deeper(file: PageFile, up: string): PageFile {
  const { _commonwheel: about, ...raw } = file.raw as { readonly _commonwheel: { readonly log: string } }
  const url = up + file.url
  return { ...file, url, raw: { ...raw, url, _commonwheel: { ...about, log: up + about.log } } }
}

/** Whether a file of that name is a wheel which pip on the target would install. */
export function fileFitsTarget(filename: string, target: TargetId): boolean {
  const wheel = parseWheelName(filename)
  return wheel !== undefined && wheelFitsTarget(wheel.tags, parseTarget(target))
}

/** Upstream's files by release: `1.0` and `1.0.0` are one (PEP 440). */
type Releases = ReadonlyMap<string, readonly PageFile[]>

function releasesOf(page: ProjectPage): Releases {
  const releases = new Map<string, PageFile[]>()
  for (const file of page.files) {
    const version = versionOfFile(file.filename, page.name)
    if (version === undefined) continue
    const release = releases.get(keyOf(version))
    if (release === undefined) releases.set(keyOf(version), [file])
    else release.push(file)
  }
  return releases
}

function versionOfFile(filename: string, project: ProjectName): string | undefined {
  return (parseWheelName(filename) ?? parseSdistName(filename, project))?.version
}

function keyOf(version: string): string {
  const parsed = parseVersion(version)
  return parsed === undefined ? version : versionKey(parsed)
}

/** Upstream's list as it is, or what its files tell where it has none, and every version of ours that is not among them. */
function versionsOf(page: ProjectPage, ours: readonly PublishedWheel[]): readonly string[] {
  const told = page.files.flatMap(({ filename }) => versionOfFile(filename, page.name) ?? [])
  const known = page.versions.length > 0 ? page.versions : firstSpellings(told)
  const keys = new Set(known.map(keyOf))
  return [
    ...known,
    ...firstSpellings(ours.map(({ version }) => version)).filter((one) => !keys.has(keyOf(one)))
  ]
}

/** `1.0` and `1.0.0` are one version. */
function firstSpellings(versions: readonly string[]): readonly string[] {
  const spellings = new Map<string, string>()
  for (const version of versions) if (!spellings.has(keyOf(version))) spellings.set(keyOf(version), version)
  return [...spellings.values()]
}

/**
 * Ours that may stand beside upstream's: a new file name (an equal one would break hashes in lock files), of a
 * release that upstream still has (a deleted one may have been malware). Of two with one name, the first published.
 */
function listedWheels(
  page: ProjectPage,
  wheels: readonly PublishedWheel[],
  releases: Releases
): readonly PublishedWheel[] {
  const taken = new Set(page.files.map((file) => file.filename.toLowerCase()))
  const candidates = wheels
    .filter(
      (wheel) =>
        wheel.channel === 'stable' && wheel.project === page.name && releases.has(keyOf(wheel.version))
    )
    .sort(compareWheels)
  return candidates.filter(({ wheel }) => {
    const name = wheel.filename.toLowerCase()
    if (taken.has(name)) return false
    taken.add(name)
    return true
  })
}

function compareWheels(a: PublishedWheel, b: PublishedWheel): number {
  return (
    compareText(a.wheel.filename, b.wheel.filename) ||
    a.publishedMs - b.publishedMs ||
    compareText(a.wheel.sha256, b.wheel.sha256) ||
    compareText(a.job, b.job)
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * PEP 592: what is made of a yanked source is yanked, with upstream's reason, as is everything of a yanked release; a wheel that
 * upstream's own replaces steps back, but locks keep it.
 */
function yankedBecause(
  wheel: PublishedWheel,
  release: readonly PageFile[],
  fits: MergeInput['fits']
): boolean | string {
  const sdists = release.filter((file) => !file.filename.endsWith('.whl'))
  const sources = sdists.length > 0 ? sdists : release
  if (sources.every((file) => file.yanked !== false)) return sources[0]?.yanked ?? true
  const replaced = release.some((file) => file.yanked === false && fits(file.filename, wheel.target))
  return replaced ? UPSTREAM_SHIPS_IT : false
}

function meshFile(published: PublishedWheel, yanked: boolean | string): PageFile {
  const { wheel, job, builder, log } = published
  const url = `../../files/${wheel.sha256}/${encodeURIComponent(wheel.filename)}`
  const uploadTime = isoMicroseconds(published.publishedMs)
  const requires = wheel.requiresPython === '' ? {} : { requiresPython: wheel.requiresPython }
  const raw = {
    filename: wheel.filename,
    url,
    hashes: { sha256: wheel.sha256 },
    size: wheel.size,
    ...(wheel.requiresPython === '' ? {} : { 'requires-python': wheel.requiresPython }),
    'core-metadata': { sha256: wheel.metadata },
    'upload-time': uploadTime,
    yanked,
    _commonwheel: { job, builder, apt_dependencies: wheel.aptPackages, log: `../../logs/${log.sha256}` }
  }
  return {
    filename: wheel.filename,
    url,
    sha256: wheel.sha256,
    size: wheel.size,
    ...requires,
    yanked,
    uploadTime,
    raw
  }
}

/** PEP 700's `upload-time`, with the six digits that upstream prints. */
function isoMicroseconds(ms: number): string {
  const safeMs = Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_DATE_MS) : 0
  return new Date(safeMs).toISOString().replace('Z', '000Z')
}
