import { parse } from 'smol-toml'
import { messageOf } from '../core/errors.ts'
import { isSha256, type Sha256 } from '../core/ids.ts'

/** One crate that a lock file names, with the digest of its archive. */
export interface LockedCrate {
  readonly name: string
  readonly version: string
  readonly sha256: Sha256
}

/** What a Cargo file wants of the outside, or why nothing is fetched for it. */
export type CrateSources =
  | { readonly kind: 'plain'; readonly crates: readonly LockedCrate[] }
  | {
      readonly kind: 'refused'
      readonly cause: 'bad-cargo-file' | 'foreign-crates'
      readonly reason: string
    }

/** How lock files name the public registry: since 2016, and where the sparse index is named outright. */
const PUBLIC_REGISTRY = [
  'registry+https://github.com/rust-lang/crates.io-index',
  'sparse+https://index.crates.io/'
]
const PLAIN_NAME = /^[A-Za-z0-9][\w-]{0,63}$/
const PLAIN_VERSION = /^\d[\w.+-]{0,99}$/
/** For other tools: cargo reads nothing of it. */
const NOT_CARGOS = 'metadata'
/** Deeper than any manifest: tables of targets, of features, of dependencies. */
const MAX_DEPTH = 12

/**
 * The crates of a Cargo.lock. Only the public registry is fetched from: cargo would ask any other address on behalf of the package,
 * with this machine's network, and git sources have no digest that a cache could hold them to.
 */
export function lockedCrates(text: string): CrateSources {
  const lock = tableOf(text)
  if (typeof lock === 'string') return refused('bad-cargo-file', `its Cargo.lock is not valid: ${lock}`)
  const packages = Array.isArray(lock['package']) ? (lock['package'] as unknown[]) : []
  const crates: LockedCrate[] = []
  for (const { name, version, source, checksum } of packages.filter(isTable)) {
    if (source === undefined) continue
    if (typeof source !== 'string' || !PUBLIC_REGISTRY.includes(source))
      return foreign(textOf(name), textOf(source))
    const isPlain = PLAIN_NAME.test(textOf(name)) && PLAIN_VERSION.test(textOf(version))
    if (isPlain && isSha256(checksum))
      crates.push({ name: textOf(name), version: textOf(version), sha256: checksum })
  }
  return { kind: 'plain', crates }
}

/** Whether all that a Cargo.toml depends on comes from the public registry or lies in the tree. */
export function manifestSources(text: string): CrateSources {
  const manifest = tableOf(text)
  if (typeof manifest === 'string')
    return refused('bad-cargo-file', `its Cargo.toml is not valid: ${manifest}`)
  const [name, source] = foreignSource(manifest, '', 0) ?? []
  return name === undefined || source === undefined ? { kind: 'plain', crates: [] } : foreign(name, source)
}

/** `true` when its .cargo/config.toml says that the crates lie in the tree. */
export function bringsCrates(text: string): boolean {
  const config = tableOf(text)
  const sources = typeof config === 'string' ? undefined : config['source']
  return (
    isTable(sources) &&
    Object.values(sources).some((source) => isTable(source) && typeof source['directory'] === 'string')
  )
}

type Table = Readonly<Record<string, unknown>>

/** The first thing below a table that names a place of its own. */
function foreignSource(table: Table, name: string, depth: number): readonly [string, string] | undefined {
  const { git, 'registry-index': registry } = table
  if (typeof git === 'string') return [name, `git+${git}`]
  if (typeof registry === 'string') return [name, registry]
  if (depth === MAX_DEPTH) return undefined
  for (const [key, value] of Object.entries(table)) {
    const found = isTable(value) && key !== NOT_CARGOS ? foreignSource(value, key, depth + 1) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** The table, or what is wrong with it. */
function tableOf(text: string): Table | string {
  try {
    return parse(text)
  } catch (error) {
    return messageOf(error).split('\n')[0] ?? ''
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function foreign(name: string, source: string): CrateSources {
  const shown = JSON.stringify(source.slice(0, 200))
  return refused(
    'foreign-crates',
    `its crate ${JSON.stringify(name.slice(0, 80))} comes from ${shown}, not from the public registry`
  )
}

function refused(cause: 'bad-cargo-file' | 'foreign-crates', reason: string): CrateSources {
  return { kind: 'refused', cause, reason }
}
