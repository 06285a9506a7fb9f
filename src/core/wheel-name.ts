import type { ProjectName } from './ids.ts'
import { parseProjectName } from './distribution.ts'
import { normalizeVersion } from './version.ts'

/** One of the triples that a wheel says it fits (PEP 425), in lower case. */
export interface WheelTag {
  readonly python: string
  readonly abi: string
  readonly platform: string
}

export interface WheelName {
  readonly project: ProjectName
  /** Normalised. */
  readonly version: string
  /** PEP 427's build tag, a number first; absent for nearly every wheel. */
  readonly build?: string
  /** Every triple of the compressed tag set. */
  readonly tags: readonly WheelTag[]
}

export interface SdistName {
  readonly project: ProjectName
  /** Normalised. */
  readonly version: string
}

/** What file systems take for one name. */
const MAX_FILENAME_CHARS = 255
/** Compressed sets multiply; real wheels have at most some 30 triples. */
const MAX_TAGS = 256
/** Name, version, build tag (it starts with a digit, no Python tag does), the three tag sets. */
const WHEEL_SHAPE = /^([^-]+)-([^-]+)(?:-(\d[^-]*))?-([^-]+-[^-]+-[^-]+)\.whl$/
const TAG_SET = /^[a-z0-9_]+(\.[a-z0-9_]+)*$/
const SDIST_EXTENSION = /\.(?:tar\.gz|zip)$/i

/**
 * Takes a wheel's file name apart by PEP 427. Undefined for every other shape, such as the variant labels of
 * PEP 825, which an index passes on and a reader must survive.
 */
export function parseWheelName(filename: string): WheelName | undefined {
  if (filename.length > MAX_FILENAME_CHARS) return undefined
  const [, name = '', versionText = '', build, tagSet = ''] = WHEEL_SHAPE.exec(filename) ?? []
  const project = projectNameOf(name)
  const version = normalizeVersion(versionText)
  const tags = expandTags(tagSet)
  if (project === undefined || version === undefined || tags === undefined) return undefined
  return { project, version, ...(build === undefined ? {} : { build }), tags }
}

/** Tag sets that are kept expanded: those of nearly all wheels are among so many. */
const MAX_REMEMBERED_SETS = 2_000
const remembered = new Map<string, readonly WheelTag[]>()

/** The triples of a compressed tag set, `py2.py3-none-any` (PEP 425), one list for all wheels that have it; undefined when it is none. */
export function expandTags(text: string): readonly WheelTag[] | undefined {
  const known = remembered.get(text)
  if (known !== undefined) return known
  const tags = expand(text)
  if (tags === undefined) return undefined
  if (remembered.size >= MAX_REMEMBERED_SETS) remembered.clear()
  remembered.set(text, tags)
  return tags
}

function expand(text: string): readonly WheelTag[] | undefined {
  const sets = text.toLowerCase().split('-')
  if (sets.length !== 3 || !sets.every((set) => TAG_SET.test(set))) return undefined
  const [pythons = [], abis = [], platforms = []] = sets.map((set) => set.split('.'))
  if (pythons.length * abis.length * platforms.length > MAX_TAGS) return undefined
  return pythons.flatMap((python) =>
    abis.flatMap((abi) => platforms.map((platform) => ({ python, abi, platform })))
  )
}

/** `cp311-abi3-linux_armv7l`. */
export function tagText(tag: WheelTag): string {
  return `${tag.python}-${tag.abi}-${tag.platform}`
}

/**
 * Takes the file name of a source archive apart: PEP 625's `name-version.tar.gz`, and the older spellings whose
 * names or versions hold dashes, which only the project's name tells apart.
 */
export function parseSdistName(filename: string, project: ProjectName): SdistName | undefined {
  if (filename.length > MAX_FILENAME_CHARS || !SDIST_EXTENSION.test(filename)) return undefined
  const stem = filename.replace(SDIST_EXTENSION, '')
  for (let dash = stem.indexOf('-'); dash > 0; dash = stem.indexOf('-', dash + 1)) {
    const version = normalizeVersion(stem.slice(dash + 1))
    if (version !== undefined && projectNameOf(stem.slice(0, dash)) === project) return { project, version }
  }
  return undefined
}

/** The files of a page mostly spell their project's name alike: the last one is not read again. */
let last: { readonly text: string; readonly name: ProjectName | undefined } | undefined

function projectNameOf(text: string): ProjectName | undefined {
  if (last?.text !== text) last = { text, name: readProjectName(text) }
  return last.name
}

function readProjectName(text: string): ProjectName | undefined {
  try {
    return parseProjectName(text)
  } catch {
    return undefined
  }
}
