/**
 * A version by PEP 440, taken apart. Numbers are kept as decimal text without leading zeros, because the grammar
 * bounds them nowhere and calendar versions outgrow what a double can hold.
 */
export interface Version {
  /** Normalised: what file names, job ids and pages of this program carry. */
  readonly text: string
  readonly epoch: string
  readonly release: readonly string[]
  readonly pre?: { readonly phase: PrePhase; readonly number: string }
  readonly post?: string
  readonly dev?: string
  /** Segments of the local part; empty when there is none. */
  readonly local: readonly string[]
}

export type PrePhase = 'a' | 'b' | 'rc'

/** PEP 440, appendix B, anchored. */
const SHAPE = new RegExp(
  [
    '^v?(?:(?<epoch>\\d+)!)?(?<release>\\d+(?:\\.\\d+)*)',
    '(?:[-_.]?(?<phase>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?<pre>\\d+)?)?',
    '(?:-(?<post1>\\d+)|[-_.]?(?<postWord>post|rev|r)[-_.]?(?<post2>\\d+)?)?',
    '(?:[-_.]?(?<devWord>dev)[-_.]?(?<dev>\\d+)?)?',
    '(?:\\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$'
  ].join(''),
  'i'
)

/** Longer than any version an index has, and what a job id may carry. */
const MAX_VERSION_CHARS = 200

const PHASES: Readonly<Record<string, PrePhase>> = {
  a: 'a',
  alpha: 'a',
  b: 'b',
  beta: 'b',
  c: 'rc',
  pre: 'rc',
  preview: 'rc',
  rc: 'rc'
}

/** Reads a version by PEP 440; undefined for everything that is none. */
export function parseVersion(text: string): Version | undefined {
  if (text.length > MAX_VERSION_CHARS) return undefined
  const groups: Record<string, string | undefined> | undefined = SHAPE.exec(text.trim())?.groups
  const release = groups?.['release']
  if (groups === undefined || release === undefined) return undefined
  const parts = {
    epoch: digits(groups['epoch'] ?? '0'),
    release: release.split('.').map(digits),
    ...suffixesOf(groups),
    local: (groups['local'] ?? '').toLowerCase().split(/[-_.]/).filter(Boolean).map(localSegment)
  }
  return { text: render(parts), ...parts }
}

/** The normal form of PEP 440; undefined for everything that is no version. */
export function normalizeVersion(text: string): string | undefined {
  return parseVersion(text)?.text
}

/** PEP 440, "Summary of permitted suffixes and relative ordering". `1.0` and `1.0.0` compare as equal. */
export function compareVersions(a: Version, b: Version): number {
  return comparePublicVersions(a, b) || compareLocal(a.local, b.local)
}

/** As {@link compareVersions}, looking at no local part. */
export function comparePublicVersions(a: Version, b: Version): number {
  return (
    compareDigits(a.epoch, b.epoch) ||
    compareReleases(a.release, b.release) ||
    comparePre(a, b) ||
    compareOptional(a.post, b.post, -1) ||
    compareOptional(a.dev, b.dev, 1)
  )
}

/** Alphas, betas, candidates and development releases. */
export function isPrerelease(version: Version): boolean {
  return version.pre !== undefined || version.dev !== undefined
}

/** Numeric parts with the shorter one padded by zeros. */
export function compareReleases(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = compareDigits(a[i] ?? '0', b[i] ?? '0')
    if (order !== 0) return order
  }
  return 0
}

/** One text for all spellings of one release: equal exactly where {@link compareVersions} gives 0. */
export function versionKey(version: Version): string {
  let end = version.release.length
  while (end > 1 && version.release[end - 1] === '0') end--
  return render({ ...version, release: version.release.slice(0, end) })
}

/** A suffix without a number has 0: `1.0rc` is `1.0rc0`. */
function suffixesOf(groups: Record<string, string | undefined>): Pick<Version, 'pre' | 'post' | 'dev'> {
  const phase = PHASES[groups['phase']?.toLowerCase() ?? '']
  const post = groups['post1'] ?? (groups['postWord'] && (groups['post2'] ?? '0'))
  const dev = groups['devWord'] && (groups['dev'] ?? '0')
  return {
    ...(phase && { pre: { phase, number: digits(groups['pre'] ?? '0') } }),
    ...(post && { post: digits(post) }),
    ...(dev && { dev: digits(dev) })
  }
}

function render(parts: Omit<Version, 'text'>): string {
  return [
    parts.epoch === '0' ? '' : `${parts.epoch}!`,
    parts.release.join('.'),
    parts.pre === undefined ? '' : parts.pre.phase + parts.pre.number,
    parts.post === undefined ? '' : `.post${parts.post}`,
    parts.dev === undefined ? '' : `.dev${parts.dev}`,
    parts.local.length === 0 ? '' : `+${parts.local.join('.')}`
  ].join('')
}

function digits(text: string): string {
  return text.replace(/^0+(?=\d)/, '')
}

function localSegment(text: string): string {
  return isDigits(text) ? digits(text) : text
}

function isDigits(text: string): boolean {
  return /^\d+$/.test(text)
}

function compareDigits(a: string, b: string): number {
  return a.length - b.length || compareText(a, b)
}

/** A bare development release comes before the alphas of its release, every other one without a phase after its candidates. */
function comparePre(a: Version, b: Version): number {
  return (
    preRank(a) - preRank(b) ||
    compareText(a.pre?.phase ?? '', b.pre?.phase ?? '') ||
    compareDigits(a.pre?.number ?? '', b.pre?.number ?? '')
  )
}

function preRank(version: Version): number {
  if (version.pre !== undefined) return 0
  return version.post === undefined && version.dev !== undefined ? -1 : 1
}

/** `absent`: which way a missing number sorts. */
function compareOptional(a: string | undefined, b: string | undefined, absent: -1 | 1): number {
  if (a === undefined || b === undefined) {
    return a === b ? 0 : a === undefined ? absent : -absent
  }
  return compareDigits(a, b)
}

/** None before any; segment by segment, numbers after words, and the shorter one first. */
function compareLocal(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareSegment(a[i] ?? '', b[i] ?? '')
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareSegment(a: string, b: string): number {
  if (isDigits(a) !== isDigits(b)) return isDigits(a) ? 1 : -1
  return isDigits(a) ? compareDigits(a, b) : compareText(a, b)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
