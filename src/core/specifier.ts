import {
  comparePublicVersions,
  compareReleases,
  compareVersions,
  isPrerelease,
  parseVersion,
  type Version
} from './version.ts'

/** A set of version clauses by PEP 440: all of them must hold. */
export interface SpecifierSet {
  /** The clauses as given, without spaces, joined by commas; `''` for the set that lets everything through. */
  readonly text: string
  readonly clauses: readonly Clause[]
  /** Some clause other than `!=` names a pre-release: then pre-releases are asked for. */
  readonly namesPrerelease: boolean
}

export type Clause =
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly version: Version }
  | { readonly kind: 'prefix'; readonly wanted: boolean; readonly version: Version }
  | { readonly kind: 'identical'; readonly text: string }

type Comparison = '~=' | '==' | '!=' | '<=' | '>=' | '<' | '>'

const CLAUSE = /^(===|~=|==|!=|<=|>=|<|>)\s*([^\s;)]+)$/
const MAX_SPECIFIER_CHARS = 1_000

/** Reads a comma-separated specifier set (PEP 440, "Version specifiers"); throws a TypeError that names the bad clause. */
export function parseSpecifierSet(text: string): SpecifierSet {
  if (text.length > MAX_SPECIFIER_CHARS) throw new TypeError('version specifier too long')
  const parts = text.split(',').map((part) => part.trim())
  const given = parts.filter((part) => part !== '')
  const clauses = given.map(parseClause)
  return {
    text: given.map((part) => part.replace(/\s+/g, '')).join(','),
    clauses,
    namesPrerelease: clauses.some(namesPrerelease)
  }
}

/**
 * Whether a version is in the set. Pre-releases are let in when the set names one, always with `prereleases: true`,
 * never with `false` (PEP 440, "Handling of pre-releases").
 */
export function satisfies(
  version: Version,
  set: SpecifierSet,
  options: { readonly prereleases?: boolean } = {}
): boolean {
  const prereleases = options.prereleases ?? set.namesPrerelease
  if (!prereleases && isPrerelease(version)) return false
  return set.clauses.every((clause) => matches(version, clause))
}

function parseClause(text: string): Clause {
  const [, operator, operand] = CLAUSE.exec(text) ?? []
  const clause = operator === undefined || operand === undefined ? undefined : readClause(operator, operand)
  if (clause === undefined)
    throw new TypeError(`not a version specifier: ${JSON.stringify(text.slice(0, 80))}`)
  return clause
}

function readClause(operator: string, operand: string): Clause | undefined {
  if (operator === '===') return { kind: 'identical', text: operand }
  if (operand.endsWith('.*')) return prefixClause(operator, operand.slice(0, -2))
  const version = parseVersion(operand)
  if (version === undefined) return undefined
  if (version.local.length > 0 && operator !== '==' && operator !== '!=') return undefined
  if (operator === '~=' && version.release.length < 2) return undefined
  return { kind: 'compare', operator: operator as Comparison, version }
}

/** `.*` may follow only a release, and only `==` and `!=`. */
function prefixClause(operator: string, prefix: string): Clause | undefined {
  if ((operator !== '==' && operator !== '!=') || !/^v?(\d+!)?[\d.]+$/i.test(prefix)) return undefined
  const version = parseVersion(prefix)
  return version && { kind: 'prefix', wanted: operator === '==', version }
}

function namesPrerelease(clause: Clause): boolean {
  if (clause.kind === 'compare') return clause.operator !== '!=' && isPrerelease(clause.version)
  const version = clause.kind === 'identical' ? parseVersion(clause.text) : undefined
  return version !== undefined && isPrerelease(version)
}

function matches(version: Version, clause: Clause): boolean {
  switch (clause.kind) {
    case 'identical':
      return version.text === clause.text.toLowerCase()
    case 'prefix':
      return hasPrefix(version, clause.version, clause.version.release.length) === clause.wanted
    case 'compare':
      return holds(version, clause.operator, clause.version)
  }
}

function holds(version: Version, operator: Comparison, bound: Version): boolean {
  switch (operator) {
    case '>=':
      return compareVersions(version, bound) >= 0
    case '<=':
      return comparePublicVersions(version, bound) <= 0
    case '>':
      return isAfter(version, bound)
    case '<':
      return isBefore(version, bound)
    case '==':
      return isEqual(version, bound)
    case '!=':
      return !isEqual(version, bound)
    case '~=':
      return compareVersions(version, bound) >= 0 && hasPrefix(version, bound, bound.release.length - 1)
  }
}

/** A bound without a local part takes every local version of it. */
function isEqual(version: Version, bound: Version): boolean {
  return (
    (bound.local.length > 0 ? compareVersions(version, bound) : comparePublicVersions(version, bound)) === 0
  )
}

/** "MUST NOT allow a post-release of the given version unless V itself is a post release", nor a local version of it. */
function isAfter(version: Version, bound: Version): boolean {
  if (comparePublicVersions(version, bound) <= 0) return false
  const boundHasPosts = bound.post === undefined && bound.dev === undefined
  return !(boundHasPosts && version.post !== undefined && sameUpToPost(version, bound))
}

/** "MUST NOT allow a pre-release of the specified version unless the specified version is itself a pre-release". */
function isBefore(version: Version, bound: Version): boolean {
  return compareVersions(version, isPrerelease(bound) ? bound : { ...bound, dev: '0' }) < 0
}

function sameUpToPost(a: Version, b: Version): boolean {
  return (
    a.epoch === b.epoch &&
    compareReleases(a.release, b.release) === 0 &&
    a.pre?.phase === b.pre?.phase &&
    a.pre?.number === b.pre?.number
  )
}

function hasPrefix(version: Version, bound: Version, length: number): boolean {
  return (
    version.epoch === bound.epoch &&
    compareReleases(version.release.slice(0, length), bound.release.slice(0, length)) === 0
  )
}
