import { createHash } from 'node:crypto'
import { access, cp, lstat, mkdir, readFile, readdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ServiceError } from './service-error.ts'

/** One copy of the program. */
export interface Release {
  /** Version and the beginning of a digest over what it is made of. */
  readonly name: string
  readonly folder: string
}

/** Of the versions before, one is kept: the way back. */
const KEPT = 2
/** Node.js below these is there for every user; elsewhere (a home, the clone's own) the service cannot read it. */
const READABLE_BY_ALL = /^\/(usr|opt)\//
const NAME = /^\d[\w.+-]*-[0-9a-f]{12}$/

/**
 * Copies the program to a folder of its own: compiled files, data, and the packages that it runs with (package-lock.json says which).
 * A version that is there already is not copied again. It is copied beside its place and moved there, so that one that is there is whole.
 */
export async function copyRelease(from: string, programs: string, node: string): Promise<Release> {
  const name = await nameOf(from, node)
  const folder = join(programs, name)
  if (await exists(folder)) return { name, folder }
  const fresh = join(programs, `new-${name}`)
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true, mode: 0o755 })
  for (const part of ['dist', 'config', 'package.json', 'package-lock.json', 'LICENSE'])
    await cp(join(from, part), join(fresh, part), { recursive: true })
  for (const path of await packagesOf(from)) await copyPackage(join(from, path), join(fresh, path))
  if (!READABLE_BY_ALL.test(node)) {
    await mkdir(join(fresh, 'bin'))
    await cp(node, join(fresh, 'bin', 'node'))
  }
  await rename(fresh, folder)
  return { name, folder }
}

/** The Node.js for a version: its own copy, or the machine's. `program` may be the link to the version in use. */
export async function nodeOf(release: Release, program: string, node: string): Promise<string> {
  const own = await exists(join(release.folder, 'bin', 'node'))
  return own ? join(program, 'bin', 'node') : node
}

/** Which version the link names; undefined when there is none. */
export async function currentRelease(programs: string): Promise<Release | undefined> {
  const name = await readlink(join(programs, 'current')).catch(() => undefined)
  return name === undefined ? undefined : { name, folder: join(programs, name) }
}

/** Points the link at a version, at once for whoever looks. */
export async function switchTo(programs: string, { name }: Release): Promise<void> {
  const fresh = join(programs, 'current.new')
  await rm(fresh, { force: true })
  await symlink(name, fresh)
  await rename(fresh, join(programs, 'current'))
}

/** The version to go back to: the newest but the one in use. */
export async function formerRelease(programs: string): Promise<Release | undefined> {
  const current = await currentRelease(programs)
  const [former] = (await releasesOf(programs)).filter(({ name }) => name !== current?.name)
  return former
}

/** Removes all but the version in use, the newest other one, and copies that were cut off. */
export async function pruneReleases(programs: string): Promise<void> {
  const current = await currentRelease(programs)
  const all = await releasesOf(programs)
  const others = all.filter(({ name }) => name !== current?.name).slice(KEPT - 1)
  for (const { folder } of others) await rm(folder, { recursive: true, force: true })
  for (const name of await readdir(programs))
    if (name.startsWith('new-')) await rm(join(programs, name), { recursive: true, force: true })
}

/** Newest first. */
async function releasesOf(programs: string): Promise<readonly Release[]> {
  const names = (await readdir(programs).catch(() => [])).filter((name) => NAME.test(name))
  const dated = await Promise.all(
    names.map(async (name) => ({ name, ms: (await lstat(join(programs, name))).ctimeMs }))
  )
  return dated.sort((a, b) => b.ms - a.ms).map(({ name }) => ({ name, folder: join(programs, name) }))
}

/** By content: an upgrade that changes nothing is none. */
async function nameOf(from: string, node: string): Promise<string> {
  const hash = createHash('sha256')
  const files = (await readdir(join(from, 'dist'), { recursive: true }).catch(() => [])).sort()
  if (!files.includes(join('cli', 'main.js')))
    throw new ServiceError({
      code: 'SERVICE_NOT_BUILT',
      folder: from,
      cure: 'run ./commonwheel service install from a clone: it compiles first'
    })
  for (const file of files.filter((path) => path.endsWith('.js'))) {
    hash.update(`${file}\0`)
    hash.update(await readFile(join(from, 'dist', file)))
  }
  const [about, lock] = await Promise.all(
    ['package.json', 'package-lock.json'].map(async (name) => readFile(join(from, name), 'utf8'))
  )
  hash.update(`${about ?? ''}\0${lock ?? ''}\0${node}`)
  const { version } = JSON.parse(about ?? '{}') as { readonly version: string }
  return `${version}-${hash.digest('hex').slice(0, 12)}`
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>
}

/** Folders of the packages that the program runs with, as far as this platform has them. */
async function packagesOf(from: string): Promise<readonly string[]> {
  const lock = JSON.parse(await readFile(join(from, 'package-lock.json'), 'utf8')) as LockFile
  const paths = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true)
  const there = await Promise.all(
    paths.map(async ([path]) => ((await exists(join(from, path))) ? [path] : []))
  )
  return there.flat()
}

/** Without the packages below it: the lock file names those that are needed. */
async function copyPackage(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  const inner = join(from, 'node_modules')
  await cp(from, to, { recursive: true, filter: (path) => path !== inner })
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false
  )
}
