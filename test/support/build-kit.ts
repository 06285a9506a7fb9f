import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { openPromise } from 'yauzl'
import { prepareBuildPlace } from '../../src/build/build-place.ts'
import { createBuildRunner } from '../../src/build/build-runner.ts'
import type { BuildRunnerOptions } from '../../src/build/build-options.ts'
import { findBuildUser } from '../../src/build/build-user.ts'
import type { SandboxHost } from '../../src/build/capture.ts'
import type { InspectWheel } from '../../src/build/inspect-port.ts'
import { createRequirementCaches, type RequirementCaches } from '../../src/build/requirement-caches.ts'
import type { Interpreter } from '../../src/build/probe-interpreter.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { Job } from '../../src/core/job.ts'
import type { BuildReport, Log, UpstreamIndex } from '../../src/core/ports.ts'
import { parseProjectName } from '../../src/core/distribution.ts'
import type { FixtureSdist } from '../fixtures/sdists.ts'
import { memoryBlobs } from './memory-blobs.ts'
import { realClock } from './real-clock.ts'
import { findTestInterpreter } from './test-interpreter.ts'

/** A machine to build on: a data folder of its own, the real sandbox, the real Python. */
export interface BuildKit {
  readonly host: SandboxHost
  readonly interpreter: Interpreter
  readonly caches: RequirementCaches
  readonly blobs: ReturnType<typeof memoryBlobs>
  readonly upstreamFiles: Map<string, Uint8Array>
  close(): Promise<void>
}

export async function createBuildKit(): Promise<BuildKit> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cw-build-'))
  const user = await findBuildUser('commonwheel-build')
  const host = { place: await prepareBuildPlace(dataDir, user), user, clock: realClock }
  return {
    host,
    interpreter: await findTestInterpreter(host),
    caches: createRequirementCaches(host),
    blobs: memoryBlobs(),
    upstreamFiles: new Map(),
    close: async () => rm(dataDir, { recursive: true, force: true })
  }
}

export interface KitBuild extends Partial<Omit<BuildRunnerOptions, 'interpreters'>> {
  readonly signal?: AbortSignal
  readonly onPhase?: (phase: string) => void
  readonly job?: Partial<Job>
  readonly pins?: readonly string[]
  /** Others than the kit's: as after a restart of the node. */
  readonly caches?: RequirementCaches
  /** A plain one unless said. */
  readonly inspectWheel?: InspectWheel
}

/** Builds a fixture as a node would. */
export async function buildFixture(
  kit: BuildKit,
  name: string,
  sdist: FixtureSdist,
  build: KitBuild = {}
): Promise<BuildReport> {
  const {
    signal = new AbortController().signal,
    onPhase = () => undefined,
    job: changes,
    pins,
    ...rest
  } = build
  const { caches = kit.caches, inspectWheel = plainInspection, ...options } = rest
  kit.upstreamFiles.set(`https://upstream.test/${sdist.filename}`, sdist.bytes)
  const { host, interpreter, blobs } = kit
  const parts = {
    upstream: upstreamOf(kit),
    blobs,
    inspectWheel,
    host,
    caches,
    log: silentLog
  }
  const runner = createBuildRunner(parts, {
    interpreters: [interpreter],
    indexUrl: () => 'http://127.0.0.1:9/simple/',
    sandboxLevel: 2,
    machine: {},
    ...options,
    limits: { ...SMALL_LIMITS, ...options.limits }
  })
  const { filename, sha256 } = sdist
  const target = interpreter.target.id
  const job = {
    project: parseProjectName(name),
    version: '1.0',
    target,
    sdist: { filename, sha256 },
    ...changes
  }
  const request = { job, sdistUrl: `https://upstream.test/${filename}`, ...(pins !== undefined && { pins }) }
  return runner.build(request, { signal, onPhase })
}

const MiB = 1024 * 1024

/** Small enough that hostile builds end soon, large enough for pip. */
const SMALL_LIMITS = {
  wallMs: 150_000,
  silenceMs: 60_000,
  memoryBytes: 256 * MiB,
  diskBytes: 64 * MiB,
  processes: 40,
  minFreeBytes: 0,
  pollMs: 50,
  killGraceMs: 200
}

/** The members of a stored wheel. */
export async function wheelMembers(kit: BuildKit, report: BuildReport): Promise<ReadonlyMap<string, Buffer>> {
  const { wheel, failure } = report
  if (wheel === undefined) throw new Error(`no wheel: ${JSON.stringify(failure)}\n${logText(kit, report)}`)
  const folder = await mkdtemp(join(tmpdir(), 'cw-wheel-'))
  const path = join(folder, wheel.filename)
  try {
    await writeFile(path, kit.blobs.bytes.get(wheel.sha256) ?? '')
    return await membersOf(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}

export function logText(kit: BuildKit, report: BuildReport): string {
  return gunzipSync(kit.blobs.bytes.get(report.log.sha256) ?? Buffer.alloc(0)).toString('utf8')
}

/** Processes that see this kit's folders, and folders of builds: after a build there is neither. */
export async function leftovers(kit: BuildKit): Promise<readonly string[]> {
  return [...(await readdir(kit.host.place.works)), ...(await processesIn(kit.host.place.root))]
}

/** By what is mounted in them, so that tests that build at the same time do not see each other. */
async function processesIn(root: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '')
      return mounts.includes(`${root}/`) ? [`${pid} ${await readFile(`/proc/${pid}/comm`, 'utf8')}`] : []
    })
  )
  return found.flat()
}

function upstreamOf(kit: BuildKit): UpstreamIndex {
  return {
    project: async () => ({ kind: 'missing' }),
    download: async function* (url) {
      const bytes = kit.upstreamFiles.get(url)
      if (bytes === undefined) throw new Error(`upstream has no ${url}`)
      yield bytes
    }
  }
}

/** Takes any wheel with metadata: what a wheel may be is judged, and tested, elsewhere. */
const plainInspection: InspectWheel = async (path) => {
  const metadata = [...(await membersOf(path))].find(([name]) => name.endsWith('.dist-info/METADATA'))?.[1]
  if (metadata === undefined)
    return { kind: 'refused', cause: 'no-metadata', reason: `${basename(path)} has none` }
  return {
    kind: 'ok',
    facts: {
      requiresPython: '',
      metadata,
      aptPackages: [],
      glibcFloor: '',
      normalized: sha256Hex(metadata),
      isHollow: false,
      alsoRunsOn: []
    }
  }
}

async function membersOf(path: string): Promise<Map<string, Buffer>> {
  const zip = await openPromise(path, { autoClose: false, lazyEntries: true })
  const members = new Map<string, Buffer>()
  for await (const entry of zip.eachEntry()) {
    const chunks: Buffer[] = []
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer)
    members.set(entry.fileName, Buffer.concat(chunks))
  }
  zip.close()
  return members
}

const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined
}
