import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex } from '../core/digest.ts'
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
 * searchable (not readable) to others, since builds run as another user; in a closed home the place is elsewhere.
 */
export async function prepareBuildPlace(dataDir: string, user: BuildUser): Promise<BuildPlace> {
  const near = join(dataDir, 'build')
  await makeSearchable(dataDir, user)
  const root = (await canEnter(near, user)) ? near : join(PLACE_OF_ROOT, sha256Hex(dataDir).slice(0, 16))
  const place = { root, tools: join(root, 'tools'), etc: join(root, 'etc'), works: join(root, 'work') }
  for (const folder of Object.values(place)) await makeFolder(folder)
  for (const { name, text } of ETC_FILES) {
    await writeFile(join(place.etc, name), text)
    await chmod(join(place.etc, name), 0o644)
  }
  await sweepWorkFolders(place)
  return place
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

/** Removes a tree whatever modes a build gave its folders; rm and chmod follow no links on their way. */
export async function removeTree(path: string): Promise<void> {
  const { code } = await runTool('rm', ['-rf', '--one-file-system', '--', path])
  if (code === 0) return
  await runTool('chmod', ['-R', 'u+rwX', '--', path])
  await rm(path, { recursive: true, force: true })
}

/** Gives a tree that the node wrote to the build user. */
export async function giveToBuilds(path: string, user: BuildUser): Promise<void> {
  if (user.kind === 'same') return
  const { code, stderr } = await runTool('chown', ['-Rh', `${user.uid}:${user.gid}`, '--', path])
  if (code !== 0) throw new Error(`could not give ${path} to the build user: ${stderr}`)
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
