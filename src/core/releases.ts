import type { SdistRef } from './job.ts'
import type { ProjectName, Sha256 } from './ids.ts'
import type { PageFile, ProjectPage } from './project-page.ts'
import { parseSpecifierSet, satisfies, type SpecifierSet } from './specifier.ts'
import { pythonVersionOf, type Target } from './target.ts'
import { compareVersions, isPrerelease, parseVersion, versionKey, type Version } from './version.ts'
import { parseSdistName, parseWheelName, type WheelTag } from './wheel-name.ts'

/** One version of a project, as upstream has it. */
export interface Release {
  /** Normalised, spelled as its sdist spells it (`1.0` and `1.0.0` are one release). */
  readonly version: string
  /** The source archive to build from; absent when there is none whose digest upstream vouches for. */
  readonly sdist?: ReleaseSdist
  /** Digests of all its source archives: what was built from any of them is of this release. */
  readonly sdistDigests: readonly Sha256[]
  readonly wheels: readonly ReleaseWheel[]
  /** Every file is yanked (PEP 592). */
  readonly yanked: boolean
  /** Of the sdist, else of the first wheel; `''` without one. */
  readonly requiresPython: string
  /** Of the sdist, else the earliest of all files, ISO 8601; `''` where upstream does not say (PEP 700). */
  readonly uploadTime: string
  readonly prerelease: boolean
}

export interface ReleaseSdist {
  readonly ref: SdistRef
  readonly url: string
}

export interface ReleaseWheel {
  readonly filename: string
  readonly tags: readonly WheelTag[]
  readonly yanked: boolean
}

/**
 * Python's patch number when only `3.11` is known: that of a late patch release, because distributions follow them.
 * So `>=3.9.2` lets cp39 in and `!=3.9.0` does not rule it out.
 */
const LATE_PATCH = 99

/** The releases of a page, lowest version first. Files that are neither wheels nor sdists are passed over. */
export function releasesOf(page: ProjectPage): readonly Release[] {
  const byVersion = new Map<string, Dist[]>()
  for (const file of page.files) {
    const dist = readDist(file, page.name)
    if (dist === undefined) continue
    const key = versionKey(dist.version)
    const dists = byVersion.get(key)
    if (dists === undefined) byVersion.set(key, [dist])
    else dists.push(dist)
  }
  return [...byVersion.values()]
    .map((dists) => ({ dists, version: firstOf(dists).version }))
    .sort((a, b) => compareVersions(a.version, b.version))
    .map(({ dists }) => releaseOf(dists))
}

/**
 * Whether `Requires-Python` lets a target in. What is no specifier rules nothing out: pip reads it so
 * (PEP 345 was looser than PEP 440).
 */
export function requiresPythonAllows(requiresPython: string, target: Target): boolean {
  if (requiresPython === '') return true
  const verdicts = verdictsOf(requiresPython)
  const python = `${pythonVersionOf(target).join('.')}.${LATE_PATCH}`
  const known = verdicts.get(python)
  if (known !== undefined) return known
  const allows = allowsPython(requiresPython, python)
  verdicts.set(python, allows)
  return allows
}

/** All of PyPI has some 5,000 different texts; more than this at once, and the verdicts are made anew. */
const MAX_REMEMBERED_TEXTS = 10_000
/** Verdicts on a `Requires-Python`, by the Python's version. */
const remembered = new Map<string, Map<string, boolean>>()

function verdictsOf(requiresPython: string): Map<string, boolean> {
  const known = remembered.get(requiresPython)
  if (known !== undefined) return known
  if (remembered.size >= MAX_REMEMBERED_TEXTS) remembered.clear()
  const made = new Map<string, boolean>()
  remembered.set(requiresPython, made)
  return made
}

function allowsPython(requiresPython: string, python: string): boolean {
  const set = specifierOrNothing(requiresPython)
  const version = parseVersion(python)
  return set === undefined || version === undefined || satisfies(version, set, { prereleases: true })
}

interface Dist {
  readonly file: PageFile
  readonly version: Version
  /** Absent for an sdist. */
  readonly tags?: readonly WheelTag[]
}

function readDist(file: PageFile, project: ProjectName): Dist | undefined {
  const wheel = parseWheelName(file.filename)
  const sdist = wheel === undefined ? parseSdistName(file.filename, project) : undefined
  if (wheel !== undefined && wheel.project !== project) return undefined
  const version = parseVersion(wheel?.version ?? sdist?.version ?? '')
  return version && { file, version, ...(wheel && { tags: wheel.tags }) }
}

function releaseOf(dists: readonly Dist[]): Release {
  const sdists = dists.filter(({ tags }) => tags === undefined)
  const chosen = bestSdist(sdists)
  const spokesman = chosen ?? sdists[0] ?? firstOf(dists)
  const sdist = chosen && sdistOf(chosen.file)
  return {
    version: spokesman.version.text,
    ...(sdist && { sdist }),
    sdistDigests: sdists.flatMap(({ file }) => file.sha256 ?? []),
    wheels: dists.flatMap(({ file, tags }) =>
      tags === undefined ? [] : [{ filename: file.filename, tags, yanked: isYanked(file) }]
    ),
    yanked: dists.every(({ file }) => isYanked(file)),
    requiresPython: spokesman.file.requiresPython ?? '',
    uploadTime: chosen?.file.uploadTime ?? earliest(dists),
    prerelease: isPrerelease(spokesman.version)
  }
}

/** Not yanked before yanked, a tarball before a zip, then upstream's order: the same choice on every node. */
function bestSdist(sdists: readonly Dist[]): Dist | undefined {
  const usable = sdists.filter(({ file }) => file.sha256 !== undefined)
  return usable.sort((a, b) => sdistRank(a.file) - sdistRank(b.file))[0]
}

function sdistRank(file: PageFile): number {
  return (isYanked(file) ? 2 : 0) + (/\.zip$/i.test(file.filename) ? 1 : 0)
}

function sdistOf({ filename, sha256, size, url }: PageFile): ReleaseSdist | undefined {
  return sha256 && { ref: { filename, sha256, ...(size !== undefined && { size }) }, url }
}

function isYanked(file: PageFile): boolean {
  return file.yanked !== false
}

function earliest(dists: readonly Dist[]): string {
  const times = dists.flatMap(({ file }) => file.uploadTime ?? [])
  return times.sort()[0] ?? ''
}

function firstOf(dists: readonly Dist[]): Dist {
  const [first] = dists
  if (first === undefined) throw new TypeError('a release has at least one file')
  return first
}

function specifierOrNothing(text: string): SpecifierSet | undefined {
  try {
    return parseSpecifierSet(text)
  } catch {
    return undefined
  }
}
