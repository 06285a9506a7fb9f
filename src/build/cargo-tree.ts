import { join } from 'node:path'
import type { BuildSystem } from './build-system.ts'
import {
  bringsCrates,
  lockedCrates,
  manifestSources,
  type CrateSources,
  type LockedCrate
} from './cargo-sources.ts'
import { isAside, readSourceFile, sourceFolders } from './source-file.ts'

/** One Cargo workspace of a source tree. */
export interface CargoWorkspace {
  /** Its folder, from the root of the tree. */
  readonly folder: string
  /** The text of its lock file, when it has one. */
  readonly lock: string | undefined
  readonly crates: readonly LockedCrate[]
}

export type CargoTree =
  | { readonly kind: 'found'; readonly workspaces: readonly CargoWorkspace[] }
  | (CrateSources & { readonly kind: 'refused' })

/** Build requirements that say: this is built with Rust. */
const RUST_TOOLS = /^\s*(?:maturin|setuptools[-_.]rust|puccinialin)\b/i
/** The lock file of the largest known package has 400 KiB, its manifests some KiB. */
const MAX_LOCK_BYTES = 4 * 1024 * 1024
const MAX_MANIFEST_BYTES = 512 * 1024
/** `bindings/python/src/rust` is as deep as they come. */
const WALK = { maxDepth: 5, maxFolders: 2_000 }
const MAX_WORKSPACES = 8

/** Whether a package says itself that it cannot be built without Rust. */
export function declaresRust({ requires }: BuildSystem): boolean {
  return requires.some((requirement) => RUST_TOOLS.test(requirement))
}

/**
 * The Cargo workspaces of a source tree: folders with Cargo.lock, or where there is none the outermost ones with Cargo.toml. None
 * when the tree brings its crates along. Refused when any manifest of the tree wants crates from elsewhere.
 */
export async function readCargoTree(tree: string): Promise<CargoTree> {
  const places = await findManifests(tree)
  if (places.kind === 'refused') return places
  if (await hasCrates(tree)) return { kind: 'found', workspaces: [] }
  const { locked, outermost } = places
  const workspaces: CargoWorkspace[] = []
  for (const folder of (locked.length > 0 ? locked : outermost).slice(0, MAX_WORKSPACES)) {
    const lock = await readLock(tree, folder)
    const sources = lockedCrates(lock ?? '')
    if (sources.kind === 'refused') return sources
    workspaces.push({ folder, lock, crates: sources.crates })
  }
  return { kind: 'found', workspaces }
}

type Manifests =
  | { readonly kind: 'plain'; readonly locked: readonly string[]; readonly outermost: readonly string[] }
  | (CrateSources & { readonly kind: 'refused' })

/** Folders with Cargo.toml: those with a lock file beside it, and those that lie in no other. */
async function findManifests(tree: string): Promise<Manifests> {
  const locked: string[] = []
  const outermost: string[] = []
  for await (const { folder, files } of sourceFolders(tree, WALK)) {
    if (isAside(folder) || !files.includes('Cargo.toml')) continue
    const manifest = (await readSourceFile(join(tree, folder, 'Cargo.toml'), MAX_MANIFEST_BYTES)) ?? ''
    const sources = manifestSources(manifest)
    if (sources.kind === 'refused') return sources
    if (files.includes('Cargo.lock')) locked.push(folder)
    if (!outermost.some((other) => isBelow(folder, other))) outermost.push(folder)
  }
  return { kind: 'plain', locked, outermost }
}

/** The text of a workspace's lock file. */
export async function readLock(tree: string, folder: string): Promise<string | undefined> {
  return readSourceFile(join(tree, folder, 'Cargo.lock'), MAX_LOCK_BYTES)
}

async function hasCrates(tree: string): Promise<boolean> {
  for (const name of ['config.toml', 'config']) {
    const config = await readSourceFile(join(tree, '.cargo', name), MAX_MANIFEST_BYTES).catch(() => undefined)
    if (config !== undefined && bringsCrates(config)) return true
  }
  return false
}

function isBelow(folder: string, other: string): boolean {
  return other === '' || folder === other || folder.startsWith(`${other}/`)
}
