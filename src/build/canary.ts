import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { sha256Hex } from '../core/digest.ts'
import { parseProjectName } from '../core/distribution.ts'
import type { Sha256, TargetId } from '../core/ids.ts'
import type { BlobStore, BuildReport, UpstreamIndex, WheelBuilder, WrittenBlob } from '../core/ports.ts'
import { readCompiler, readOs } from './environment.ts'
import type { Interpreter } from './probe-interpreter.ts'
import { packagePath } from './package-path.ts'
import { runTool } from './run-tool.ts'

/** A package of ours with one pure and one compiled module, built as any other before strangers' packages are. */
const NAME = 'commonwheel-canary'
const VERSION = '1.0'
const FOLDER = 'config/canary'
const TOP = `commonwheel_canary-${VERSION}`
/** 2020-01-01: the canary is the same bytes everywhere. */
const TIME = new Date(1_577_836_800_000)
/** Of the log of one that failed: enough to see why. */
const LOG_LINES = 20

/** How the canary of one target ended. */
export interface CanaryRun {
  readonly target: TargetId
  /** Of its wheel; absent: it failed. */
  readonly wheel?: string
  /** One sentence; `''` when all is well. */
  readonly trouble: string
  readonly durationMs: number
  /** The end of its log, when it failed. */
  readonly logLines: readonly string[]
}

/** Builds the canary on this machine, for every target that it builds for. */
export interface Canary {
  readonly targets: readonly TargetId[]
  /** Equal as long as nothing changed of what builds are made with here. */
  environment(): Promise<string>
  run(target: TargetId, signal: AbortSignal): Promise<CanaryRun>
}

interface CanarySupply {
  readonly blobs: BlobStore
  readonly upstream: UpstreamIndex
}

export interface CanaryParts {
  /** The real builder, but for where its sdists come from and its wheels go. */
  readonly builder: (parts: CanarySupply) => WheelBuilder
  readonly interpreters: readonly Pick<Interpreter, 'path' | 'target' | 'pipVersion'>[]
  /** What of the system's packages builds find here. */
  readonly packages: () => Promise<readonly string[]>
}

export function createCanary(parts: CanaryParts): Canary {
  return {
    targets: parts.interpreters.map(({ target }) => target.id),
    environment: () => environmentDigest(parts),
    run: (target, signal) => runCanary(parts, target, signal)
  }
}

async function runCanary(parts: CanaryParts, target: TargetId, signal: AbortSignal): Promise<CanaryRun> {
  const bytes = await canarySdist()
  const sdist = { filename: `${TOP}.tar.gz`, sha256: sha256Hex(bytes), size: bytes.byteLength }
  const blobs = new ForgottenBlobs()
  const builder = parts.builder({ blobs, upstream: onlyHolds(bytes) })
  const job = { project: parseProjectName(NAME), version: VERSION, target, sdist }
  const report = await builder.build(
    { job, sdistUrl: 'canary:' },
    {
      signal,
      onPhase: () => undefined
    }
  )
  const trouble = troubleOf(report)
  const { wheel, durationMs } = report
  return {
    target,
    ...(trouble === '' && wheel !== undefined && { wheel: wheel.filename }),
    trouble,
    durationMs: Math.round(durationMs),
    logLines: trouble === '' ? [] : blobs.lastLines(report.log.sha256)
  }
}

function troubleOf({ failure, wheel }: BuildReport): string {
  if (failure !== undefined) return failure.reason
  return wheel?.smoke?.outcome === 'failed' ? `its wheel cannot be imported: ${wheel.smoke.reason}` : ''
}

/** Whatever decides how builds go here and may change while the node runs. */
async function environmentDigest({ interpreters, packages }: CanaryParts): Promise<string> {
  const versions = interpreters.map(async ({ path, target, pipVersion }) => {
    const { stdout } = await runTool(path, ['-I', '-c', 'import sys; print(sys.version)'])
    return [target.id, path, stdout.trim(), pipVersion]
  })
  const [compiler, os, bubblewrap, installed] = await Promise.all([
    readCompiler(),
    readOs(),
    runTool('bwrap', ['--version']),
    packages()
  ])
  const system = [compiler, os, release(), bubblewrap.stdout.trim()]
  const sdist = sha256Hex(await canarySdist())
  return sha256Hex(JSON.stringify([sdist, system, await Promise.all(versions), installed]))
}

async function canarySdist(): Promise<Uint8Array> {
  const folder = packagePath(FOLDER)
  const archive = pack()
  const about = `Metadata-Version: 2.1\nName: ${NAME}\nVersion: ${VERSION}\n`
  archive.entry({ name: `${TOP}/PKG-INFO`, mtime: TIME }, about)
  const names = (await readdir(folder)).filter((name) => /\.(c|py|toml)$/.test(name)).sort()
  for (const name of names)
    archive.entry({ name: `${TOP}/${name}`, mtime: TIME }, await readFile(join(folder, name)))
  archive.finalize()
  const chunks: Uint8Array[] = []
  for await (const chunk of archive as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return gzipSync(Buffer.concat(chunks))
}

function onlyHolds(bytes: Uint8Array): UpstreamIndex {
  return {
    project: () => Promise.reject(new TypeError('the canary asks no index')),
    async *download() {
      yield await Promise.resolve(bytes)
    }
  }
}

/** The canary's wheel and log are of use to nobody: they are counted, and the last one of them is kept for a look. */
class ForgottenBlobs implements BlobStore {
  readonly #small = new Map<string, Uint8Array>()

  async write(source: AsyncIterable<Uint8Array>): Promise<WrittenBlob> {
    const chunks: Uint8Array[] = []
    for await (const chunk of source) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const digest = createHash('sha256').update(bytes).digest('hex') as Sha256
    this.#small.set(digest, bytes)
    return { digest, size: bytes.byteLength }
  }

  lastLines(log: Sha256): readonly string[] {
    const packed = this.#small.get(log)
    return packed === undefined
      ? []
      : gunzipSync(packed).toString('utf8').trimEnd().split('\n').slice(-LOG_LINES)
  }

  size(digest: Sha256): Promise<number | undefined> {
    return Promise.resolve(this.#small.get(digest)?.byteLength)
  }

  async *read(digest: Sha256): AsyncIterable<Uint8Array> {
    yield await Promise.resolve(this.#small.get(digest) ?? new Uint8Array())
  }

  partial(): Promise<never> {
    return Promise.reject(new TypeError('nothing is transferred here'))
  }

  async *list(): AsyncIterable<{ readonly digest: Sha256; readonly size: number }> {
    for (const [digest, { byteLength }] of this.#small)
      yield await Promise.resolve({ digest: digest as Sha256, size: byteLength })
  }

  remove(digest: Sha256): Promise<void> {
    this.#small.delete(digest)
    return Promise.resolve()
  }
}
