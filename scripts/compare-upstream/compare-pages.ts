/** A page of the JSON simple API, as far as it is looked into. */
export interface Page {
  readonly files: readonly Readonly<Record<string, unknown>>[]
  readonly [key: string]: unknown
}

export interface Comparison {
  readonly files: number
  readonly ours: number
  /** Values that were compared, one for each key of the page and of each file. */
  readonly keys: number
  /** What is other on purpose, with how often. */
  readonly meant: ReadonlyMap<string, number>
  /** What is other and should not be. */
  readonly wrong: readonly string[]
}

/** Why a key is other on purpose: docs/protocol/index.md#merging and #pages. */
type Reason =
  'api-version' | 'core-metadata for dist-info-metadata' | 'PEP 708 left out' | 'URL made absolute'

/** Our page without our files, beside upstream's, key by key. `base`: where upstream's page was, for its relative URLs. */
export function comparePages(upstream: Page, ours: Page, base: string): Comparison {
  const differences = new Differences()
  const theirs = ours.files.filter((file) => file['_commonwheel'] === undefined)
  differences.compare('', pageKeys(upstream, differences), pageKeys(ours, differences))
  if (theirs.length !== upstream.files.length)
    differences.wrong.push(`${upstream.files.length} files upstream, ${theirs.length} here`)
  for (const [at, file] of upstream.files.entries()) {
    const where = `${String(file['filename'])} `
    differences.compare(where, fileKeys(file, { base, differences }), theirs[at] ?? {})
  }
  const { keys, meant, wrong } = differences
  return { files: upstream.files.length, ours: ours.files.length - theirs.length, keys, meant, wrong }
}

class Differences {
  readonly meant = new Map<Reason, number>()
  readonly wrong: string[] = []
  keys = 0

  mean(reason: Reason): void {
    this.meant.set(reason, (this.meant.get(reason) ?? 0) + 1)
  }

  compare(
    where: string,
    expected: Readonly<Record<string, unknown>>,
    found: Readonly<Record<string, unknown>>
  ): void {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
      this.keys += 1
      if (textOf(expected[key]) !== textOf(found[key]))
        this.wrong.push(`${where}${key}: ${textOf(expected[key])} upstream, ${textOf(found[key])} here`)
    }
  }
}

/** The keys of a page with those of `meta` beside them, without the version that each index says of itself. */
function pageKeys(page: Page, differences: Differences): Readonly<Record<string, unknown>> {
  const rest = Object.fromEntries(Object.entries(page).filter(([key]) => key !== 'files' && key !== 'meta'))
  const { 'api-version': version, ...about } = (page['meta'] ?? {}) as Readonly<Record<string, unknown>>
  if (version !== '1.4') differences.mean('api-version')
  const kept = Object.entries({ ...rest, ...prefixed(about) }).filter(([key, value]) => {
    const isLeftOut =
      /(^|\.)(tracks|alternate-locations)$/.test(key) && (value as readonly unknown[]).length > 0
    if (isLeftOut) differences.mean('PEP 708 left out')
    return !isLeftOut
  })
  return Object.fromEntries(kept)
}

function prefixed(about: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(about).map(([key, value]) => [`meta.${key}`, value]))
}

/** A file as we mean to list it. */
function fileKeys(
  file: Readonly<Record<string, unknown>>,
  { base, differences }: { readonly base: string; readonly differences: Differences }
): Readonly<Record<string, unknown>> {
  const { 'dist-info-metadata': metadata, ...rest } = file
  if (metadata !== undefined) differences.mean('core-metadata for dist-info-metadata')
  const url = new URL(String(file['url']), base).href
  if (url !== file['url']) differences.mean('URL made absolute')
  return { ...(metadata === undefined ? {} : { 'core-metadata': metadata }), ...rest, url }
}

/** Equal for equal values, whatever the order of their keys. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item
  )
}
