import { chmod, chown, mkdir, mkdtemp, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../core/digest.ts'
import { CodedError } from '../core/errors.ts'
import { dropPrefix, type BuildUser } from './build-user.ts'
import { runTool } from './run-tool.ts'
import { ETC_FILES } from './sandbox.ts'

/** Where builds of this node live. Nothing secret is below it. */
export interface BuildPlace {
  readonly root: string
  /** One virtual environment with pip for each target. */
  readonly tools: string
  /** Synthetic files for the sandbox's /etc. */
  readonly etc: string
  /** One folder for each running build. */
  readonly works: string
  /** Build requirements, kept between builds. */
  readonly requirements: string
}

/** The folders of one build; only `build` and `fetch` belong to the build user. */
export interface WorkFolder {
  readonly path: string
  /** The sandbox's /build. */
  readonly build: string
  /** /build of the sandbox that fetches requirements and runs no code of any package. */
  readonly fetch: string
  readonly log: string
  /** For the node alone: the sdist as fetched, the wheel as taken out. */
  readonly own: string
}

/** Beside the data folder when that lies in a home which the build user cannot enter. */
const PLACE_OF_ROOT = '/var/lib/commonwheel-build'
const SEARCH_ONLY = 0o711
const OTHERS_MAY_SEARCH = 0o001

/**
 * Makes the folders for builds below the data folder, removing what an earlier run left. A root node's data folder becomes
 * searchable (not readable) to others, since builds run as another user; in a closed home the place is elsewhere. `buildDir`: the
 * owner's choice instead; throws a BuildPlaceError when it cannot be used.
 */
export async function prepareBuildPlace(
  dataDir: string,
  user: BuildUser,
  buildDir = ''
): Promise<BuildPlace> {
  const root = buildDir === '' ? await placeNear(dataDir, user) : await placeIn(buildDir, { dataDir, user })
  const place = {
    root,
    tools: join(root, 'tools'),
    etc: join(root, 'etc'),
    works: join(root, 'work'),
    requirements: join(root, 'requirements')
  }
  for (const folder of Object.values(place)) await makeFolder(folder)
  for (const { name, text } of ETC_FILES) {
    await writeFile(join(place.etc, name), text)
    await chmod(join(place.etc, name), 0o644)
  }
  await sweepWorkFolders(place)
  return place
}

async function placeNear(dataDir: string, user: BuildUser): Promise<string> {
  const near = join(dataDir, 'build')
  await makeSearchable(dataDir, user)
  return (await canEnter(near, user)) ? near : join(PLACE_OF_ROOT, ownName(dataDir))
}

/** Below the folder that the owner chose, in one of this node's own: another node may have been given the same. */
async function placeIn(
  buildDir: string,
  { dataDir, user }: { readonly dataDir: string; readonly user: BuildUser }
): Promise<string> {
  // Making it would put the builds on the very disk that they are to spare, when the other one is not there.
  const isThere = await stat(buildDir)
    .then((found) => found.isDirectory())
    .catch(() => false)
  if (!isThere) throw unusable(buildDir, 'make the folder, or mount what it stands for')
  const root = join(buildDir, ownName(dataDir))
  if (await canEnter(root, user)) return root
  throw unusable(buildDir, `let others search it and the folders above: chmod o+x ${buildDir}`)
}

function ownName(dataDir: string): string {
  return sha256Hex(dataDir).slice(0, 16)
}

export interface BuildPlaceErrorDetail {
  readonly code: 'BUILD_PLACE_UNUSABLE'
  readonly folder: string
  readonly cure: string
}

/** Builds cannot happen where the owner wants them. */
export class BuildPlaceError extends CodedError<BuildPlaceErrorDetail> {}

function unusable(folder: string, cure: string): BuildPlaceError {
  return new BuildPlaceError({ code: 'BUILD_PLACE_UNUSABLE', folder, cure })
}

/** Removes every work folder: at start none can be in use. */
async function sweepWorkFolders(place: BuildPlace): Promise<void> {
  for (const name of await readdir(place.works)) await removeTree(join(place.works, name))
}

/** Fresh folders for one build. */
export async function makeWorkFolder(place: BuildPlace, user: BuildUser): Promise<WorkFolder> {
  const path = await mkdtemp(join(place.works, 'b-'))
  await chmod(path, SEARCH_ONLY)
  const work = { path, build: join(path, 'build'), fetch: join(path, 'fetch'), own: join(path, 'own') }
  await mkdir(work.own, { mode: 0o700 })
  for (const folder of FOLDERS_OF_BUILDS.map((name) => join(path, name))) {
    await mkdir(folder, { mode: 0o700 })
    if (user.kind === 'drop') await chown(folder, user.uid, user.gid)
  }
  return { ...work, log: join(path, 'log') }
}

const FOLDERS_OF_BUILDS = [
  ...['build', 'build/home', 'build/tmp', 'build/src', 'build/out'],
  ...['fetch', 'fetch/home', 'fetch/tmp']
]

/**
 * Removes a tree whatever modes a build gave its folders and however deep it made them: rm and chmod go by open folders, where
 * node:fs would be at its end with 4,096 bytes of path, and follow no links on their way.
 */
export async function removeTree(path: string): Promise<void> {
  const words = ['-rf', '--one-file-system', '--', path]
  if ((await runTool('rm', words)).code === 0) return
  await runTool('chmod', ['-R', 'u+rwX', '--', path])
  const { code, stderr } = await runTool('rm', words)
  if (code !== 0) throw new Error(`could not remove ${path}: ${stderr.slice(0, 500)}`)
}

/** Gives a tree that the node wrote to the build user. */
export async function giveToBuilds(path: string, user: BuildUser): Promise<void> {
  if (user.kind === 'same') return
  const { code, stderr } = await runTool('chown', ['-Rh', `${user.uid}:${user.gid}`, '--', path])
  if (code !== 0) throw new Error(`could not give ${path} to the build user: ${stderr}`)
}

/** Takes back what the build user wrote, once no process of its lives: from then on the node alone can change it. */
export async function takeFromBuilds(path: string, user: BuildUser): Promise<void> {
  const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`
  const steps = [['chmod', '-R', 'u=rwX,go=rX', '--', path]]
  if (user.kind === 'drop') steps.unshift(['chown', '-Rh', owner, '--', path])
  for (const [tool = '', ...args] of steps) {
    const { code, stderr } = await runTool(tool, args)
    if (code !== 0) throw new Error(`could not take ${path} from the build user: ${stderr}`)
  }
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: SEARCH_ONLY })
  await chmod(path, SEARCH_ONLY)
}

async function makeSearchable(dataDir: string, user: BuildUser): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  if (user.kind === 'same') return
  const { mode } = await stat(dataDir)
  await chmod(dataDir, (mode & 0o7777) | OTHERS_MAY_SEARCH)
}

async function canEnter(folder: string, user: BuildUser): Promise<boolean> {
  if (user.kind === 'same') return true
  await makeFolder(folder)
  const args = [...dropPrefix(user), 'test', '-x', folder]
  return (await runTool('env', args)).code === 0
}
