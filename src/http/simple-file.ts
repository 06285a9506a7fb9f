import type { PageFile } from '../core/project-page.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** The keys of PEP 691, 700, 714 and 740 whose type clients rely on: uv refuses a whole page for one wrong value in it. */
const SOUND: Readonly<Record<string, (value: unknown) => boolean>> = {
  hashes: isTexts,
  size: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  'upload-time': (value) => typeof value === 'string',
  'requires-python': (value) => value === null || typeof value === 'string',
  yanked: (value) => typeof value === 'boolean' || typeof value === 'string',
  'core-metadata': (value) => typeof value === 'boolean' || isTexts(value),
  provenance: (value) => value === null || isWebUrl(value),
  'gpg-sig': (value) => typeof value === 'boolean'
}
const KNOWN_KEYS = Object.keys(SOUND)
/** pip 23.0.1 fails on this key in JSON; PEP 714 has another name for it. */
const OLD_METADATA_KEY = 'dist-info-metadata'

/**
 * The file's own object, unknown keys and all, made safe for every client: no old name of `core-metadata`, always `hashes`,
 * a URL that is absolute, and no value of a known key that has a type which its standard does not allow.
 */
export function fileJson(file: PageFile): JsonObject {
  const { raw } = file
  return raw['url'] === file.url && isSound(raw) ? raw : mended(file)
}

function isSound(raw: JsonObject): boolean {
  if (raw['hashes'] === undefined || raw[OLD_METADATA_KEY] !== undefined) return false
  return KNOWN_KEYS.every((key) => raw[key] === undefined || SOUND[key]?.(raw[key]))
}

function mended({ raw, url }: PageFile): JsonObject {
  const { [OLD_METADATA_KEY]: metadata, ...rest } = raw
  const named = metadata === undefined ? rest : { 'core-metadata': metadata, ...rest }
  const sound = Object.entries(named).filter(([key, value]) => SOUND[key]?.(value) ?? true)
  return { hashes: {}, ...Object.fromEntries(sound), url }
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((text) => typeof text === 'string')
}

/** PEP 740 asks for a secure origin; what is no web address at all is left out, lest some page makes a link of it. */
export function isWebUrl(value: unknown): value is string {
  return typeof value === 'string' && /^https?:\/\//i.test(value)
}

/** PEP 503: one hash in the fragment, SHA-256 if there is one, and nothing else in it. */
export function hrefOf(file: PageFile): string {
  const [bare = ''] = file.url.split('#', 1)
  const hash = oneHash(file.raw['hashes'])
  return hash === undefined ? bare : `${bare}#${hash}`
}

/** PEP 714, for HTML: `true`, or one hash. Readers of a page of HTML that came as JSON find the same. */
export function metadataText(raw: JsonObject): string | undefined {
  const metadata = raw['core-metadata'] ?? raw[OLD_METADATA_KEY] ?? raw['data-dist-info-metadata']
  return metadata === true ? 'true' : oneHash(metadata)
}

function oneHash(hashes: unknown): string | undefined {
  if (!isTexts(hashes)) return undefined
  const [name, value] =
    hashes['sha256'] === undefined ? (Object.entries(hashes)[0] ?? []) : ['sha256', hashes['sha256']]
  return name === undefined || value === undefined ? undefined : `${name}=${value}`
}
