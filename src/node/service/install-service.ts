import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readApiFile } from '../../config/api-file.ts'
import {
  copyRelease,
  currentRelease,
  formerRelease,
  nodeOf,
  pruneReleases,
  switchTo,
  type Release
} from './releases.ts'
import { ServiceError } from './service-error.ts'
import {
  lastWords,
  needSystemd,
  runOrThrow,
  serviceState,
  systemctl,
  type ServiceHost
} from './service-host.ts'
import {
  currentProgram,
  SERVICE_NAME,
  SERVICE_USER,
  TICKET_FILE,
  type ServicePlaces
} from './service-places.ts'
import { unitText } from './unit.ts'

export interface ServiceParts {
  readonly host: ServiceHost
  readonly places: ServicePlaces
  readonly onProgress: (line: string) => void
}

export interface InstallRequest {
  /** The folder of the program that is to be installed. */
  readonly from: string
  /** The Node.js to run it with. */
  readonly node: string
  /** Options of `join` for the unit; undefined: those that it has. */
  readonly words?: readonly string[]
  /** For a node that is in no mesh yet. */
  readonly ticket?: string
}

export interface InstallReport {
  readonly version: string
  /** Undefined: there was none, or it is the same. */
  readonly before?: string
  readonly unitFile: string
  readonly dataDir: string
}

/**
 * Installs this program as a service, or the installed one anew, and starts it. May be repeated. A version that does not come up is
 * taken back, and the one before started again.
 */
export async function installService(parts: ServiceParts, request: InstallRequest): Promise<InstallReport> {
  const { host, places, onProgress } = parts
  await needSystemd(host, places.scope)
  await refuseStranger(parts)
  const before = await currentRelease(places.programs)
  await mkdir(places.programs, { recursive: true, mode: 0o755 })
  onProgress(`copying the program to ${places.programs}`)
  const release = await copyRelease(request.from, places.programs, request.node)
  await prepareData(parts, request.ticket)
  await switchTo(places.programs, release)
  await writeUnit(parts, request, release)
  await startOrGoBack(parts, release, before)
  await pruneReleases(places.programs)
  const changed = before !== undefined && before.name !== release.name
  return {
    version: release.name,
    ...(changed && { before: before.name }),
    unitFile: places.unitFile,
    dataDir: places.dataDir
  }
}

/** Starts the version before the one in use. */
export async function rollBack(parts: ServiceParts): Promise<InstallReport> {
  const { host, places } = parts
  await needSystemd(host, places.scope)
  const [before, former] = [await currentRelease(places.programs), await formerRelease(places.programs)]
  if (before === undefined || former === undefined)
    throw new ServiceError({
      code: 'SERVICE_NO_OTHER_VERSION',
      cure: 'only one version is kept beside the one in use; check an older one out and install it'
    })
  await switchTo(places.programs, former)
  await startOrGoBack(parts, former, before)
  return {
    version: former.name,
    before: before.name,
    unitFile: places.unitFile,
    dataDir: places.dataDir
  }
}

/** A node that somebody started by hand has the data folder. */
async function refuseStranger({ host, places }: ServiceParts): Promise<void> {
  const file = await readApiFile(places.dataDir)
  if (file === undefined || !isAlive(file.pid)) return
  const { ActiveState: state } = await serviceState(host, places.scope)
  if (state === 'active') return
  throw new ServiceError({
    code: 'SERVICE_NODE_RUNS',
    folder: places.dataDir,
    cure: 'stop the node that was started by hand (Ctrl-C), then install the service'
  })
}

/** The data folder of a node that root ran by hand becomes the service's. */
async function prepareData({ host, places }: ServiceParts, ticket: string | undefined): Promise<void> {
  await mkdir(places.dataDir, { recursive: true, mode: 0o700 })
  if (ticket !== undefined) {
    await writeFile(join(places.dataDir, TICKET_FILE), `${ticket}\n`, { mode: 0o600 })
  }
  if (places.scope === 'user') return
  if ((await host.run('id', ['-u', SERVICE_USER])).code !== 0) {
    const account = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent']
    await runOrThrow(host, 'useradd', [...account, '--shell', '/usr/sbin/nologin', SERVICE_USER])
  }
  await runOrThrow(host, 'chown', ['-R', '-h', `${SERVICE_USER}:${SERVICE_USER}`, places.dataDir])
}

/** The options of an installed unit stay unless new ones are given. */
async function writeUnit(
  { host, places }: ServiceParts,
  { node, words }: InstallRequest,
  release: Release
): Promise<void> {
  const program = currentProgram(places)
  const facts = {
    scope: places.scope,
    node: await nodeOf(release, program, node),
    program,
    dataDir: places.dataDir,
    words: words ?? (await savedWords(places))
  }
  await mkdir(dirname(places.unitFile), { recursive: true })
  const fresh = `${places.unitFile}.new`
  await writeFile(fresh, unitText(facts))
  await chmod(fresh, 0o644)
  await rename(fresh, places.unitFile)
  await writeFile(wordsFile(places), JSON.stringify(facts.words))
  const reloaded = await systemctl(host, places.scope, 'daemon-reload')
  if (reloaded.code !== 0) throw toolFailed('systemctl daemon-reload', reloaded.stderr)
}

function wordsFile({ programs }: ServicePlaces): string {
  return join(programs, 'join-options.json')
}

async function savedWords(places: ServicePlaces): Promise<readonly string[]> {
  try {
    return JSON.parse(await readFile(wordsFile(places), 'utf8')) as readonly string[]
  } catch {
    return []
  }
}

async function startOrGoBack(
  { host, places, onProgress }: ServiceParts,
  release: Release,
  before: Release | undefined
): Promise<void> {
  onProgress(`starting version ${release.name}`)
  await systemctl(host, places.scope, 'reset-failed', SERVICE_NAME)
  const enabled = await systemctl(host, places.scope, 'enable', SERVICE_NAME)
  if (enabled.code !== 0) throw toolFailed(`systemctl enable ${SERVICE_NAME}`, enabled.stderr)
  // Of a unit that notifies, systemctl waits until the node says that it is up.
  const started = await systemctl(host, places.scope, 'restart', SERVICE_NAME)
  if (started.code === 0) return
  const said = await lastWords(host, places.scope)
  await systemctl(host, places.scope, 'stop', SERVICE_NAME)
  if (before === undefined || before.name === release.name) throw notUp(said)
  onProgress(`version ${release.name} did not come up; going back to ${before.name}`)
  await switchTo(places.programs, before)
  await rm(release.folder, { recursive: true, force: true })
  const back = await systemctl(host, places.scope, 'restart', SERVICE_NAME)
  throw notUp(said, back.code === 0 ? `version ${before.name} runs again` : undefined)
}

function notUp(said: string, cure = 'journalctl -u commonwheel shows more'): ServiceError {
  return new ServiceError({ code: 'SERVICE_NOT_UP', said: said.split('\n').at(-1) ?? '', cure })
}

function toolFailed(command: string, stderr: string): ServiceError {
  return new ServiceError({
    code: 'SERVICE_TOOL_FAILED',
    command,
    said: stderr.trim().split('\n').at(-1) ?? '',
    cure: ''
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
