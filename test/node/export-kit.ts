import { mkdtemp, readdir, readlink, lstat, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import type { ProjectName, Sha256, TargetId } from '../../src/core/ids.ts'
import { jobId } from '../../src/core/job.ts'
import { fileFitsTarget, mergeProject } from '../../src/core/merge-index.ts'
import { parseProjectPage } from '../../src/core/parse-project-page.ts'
import type { PublishedWheel } from '../../src/core/published.ts'
import type { ProjectView, WheelView } from '../../src/http/project-view.ts'
import { createHttpServer, type HttpServer } from '../../src/http/server.ts'
import type { IndexSource } from '../../src/http/simple-index.ts'
import { exportIndex, type ExportOptions, type ExportSummary } from '../../src/node/export-index.ts'
import { aPublished, aWheelRef, CP311, CP313, testApp, upstreamFile } from '../http/http-fixtures.ts'
import { MemoryFiles } from '../http/memory-files.ts'
import { tinyWheel } from '../support/tiny-wheel.ts'

const TAGS: Readonly<Record<TargetId, string>> = {
  [CP311]: 'cp311-cp311-linux_armv7l',
  [CP313]: 'cp313-cp313-linux_aarch64'
}

/** A whole node over HTTP whose mesh a test changes at will; only the ledger behind it is not there. */
class ServedMesh {
  readonly files = new MemoryFiles()
  /** Paths asked for, oldest first. */
  readonly requests: string[] = []
  /** Before each answer; what it gives is sent instead. */
  intercept: (path: string) => Promise<Response | undefined> = async () => undefined
  readonly #projects = new Map<ProjectName, PublishedWheel[]>()
  readonly #sources = new Map<ProjectName, number>()
  readonly #logs = new Map<Sha256, Buffer>()
  #names: readonly string[] = []
  #server: HttpServer | undefined

  get url(): string {
    return `http://127.0.0.1:${this.#server?.address().port ?? 0}/`
  }

  /** A project that upstream knows; of `sources` source archives, so that its page may be long. */
  add(name: string, sources = 1): void {
    this.#projects.set(normalizeName(name), [])
    this.#sources.set(normalizeName(name), sources)
    this.#names = [...this.#projects.keys()].sort()
  }

  remove(name: string): void {
    this.#projects.delete(normalizeName(name))
    this.#names = [...this.#projects.keys()].sort()
  }

  /** A wheel of the mesh, listed for pip. */
  publish(name: string, { target = CP311, version = '1.0', greeting = 'hello' } = {}): PublishedWheel {
    const project = normalizeName(name)
    const wheel = tinyWheel({
      name: project.replaceAll('-', '_'),
      version,
      greeting,
      tag: TAGS[target] ?? 'py3-none-any'
    })
    const sha256 = this.files.add(wheel.filename, wheel.bytes, wheel.metadata)
    const log = gzipSync(`built ${wheel.filename}, ${greeting}\n`)
    this.#logs.set(sha256Hex(log), log)
    const published = aPublished(wheel.filename, {
      project,
      version,
      target,
      job: jobId(project, version, target),
      log: { sha256: sha256Hex(log), size: log.byteLength },
      wheel: aWheelRef(wheel.filename, {
        sha256,
        size: wheel.bytes.byteLength,
        metadata: sha256Hex(wheel.metadata),
        metadataSize: Buffer.byteLength(wheel.metadata),
        requiresPython: ''
      })
    })
    this.#projects.get(project)?.push(published)
    return published
  }

  /** No longer listed; whoever knows its digest still gets it. */
  unlist({ project, wheel }: PublishedWheel): void {
    const wheels = this.#projects.get(project) ?? []
    this.#projects.set(
      project,
      wheels.filter((one) => one.wheel.sha256 !== wheel.sha256)
    )
  }

  retract(published: PublishedWheel): void {
    this.unlist(published)
    this.files.served.set(published.wheel.sha256, 'gone')
  }

  async start(port = 0): Promise<void> {
    const { app } = testApp({
      files: this.files,
      index: this.#index(),
      projects: { view: async (name) => this.#view(name) },
      logs: {
        has: (digest) => this.#logs.has(digest),
        open: async (digest) => {
          const bytes = this.#logs.get(digest) ?? Buffer.alloc(0)
          return { size: bytes.byteLength, chunks: chunksOf(bytes) }
        }
      }
    })
    const original = app.fetch
    app.fetch = async (request, ...rest) => {
      const { pathname } = new URL(request.url)
      this.requests.push(`${request.method} ${pathname}`)
      return (await this.intercept(pathname)) ?? (await original(request, ...rest))
    }
    this.#server = createHttpServer(app, { host: '127.0.0.1', port, closeGraceMs: 10 })
    await this.#server.start()
  }

  async stop(): Promise<void> {
    await this.#server?.stop()
  }

  #index(): IndexSource {
    return {
      projectNames: async () => this.#names,
      project: async (name) => {
        const wheels = this.#projects.get(name)
        if (wheels === undefined) return undefined
        const page = parseProjectPage(
          { meta: { 'api-version': '1.4' }, name, versions: ['1.0'], files: this.#sourcesOf(name) },
          name
        )
        const merged = mergeProject({ page, wheels, fits: fileFitsTarget })
        return merged && { merged, revision: sha256Hex(JSON.stringify(merged)) }
      }
    }
  }

  #sourcesOf(name: ProjectName): readonly Record<string, unknown>[] {
    return Array.from({ length: this.#sources.get(name) ?? 1 }, (_, at) =>
      upstreamFile(`${name.replaceAll('-', '_')}-${at + 1}.0.tar.gz`)
    )
  }

  #view(name: ProjectName): ProjectView | undefined {
    const wheels = this.#projects.get(name)
    if (wheels === undefined) return undefined
    const views = wheels.map(({ wheel, target, builder, log }): WheelView => ({
      ...wheel,
      target,
      builder,
      log: log.sha256,
      yanked: false,
      pipDependencies: []
    }))
    const cells = wheels.map(({ target, log }) => ({
      target,
      state: 'built' as const,
      reason: '',
      log: log.sha256
    }))
    const targets: readonly TargetId[] = [CP311, CP313]
    const release = { version: '1.0', prerelease: false, yanked: false, skipReason: '', wheels: views, cells }
    const about = { name, displayName: name, summary: '', upstreamUrl: '' }
    return { ...about, targets, releases: [release], first: 0, total: 1 }
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

export class ExportYard {
  readonly mesh = new ServedMesh()
  folder = ''

  async open(): Promise<void> {
    this.folder = join(await mkdtemp(join(tmpdir(), 'commonwheel-export-')), 'export')
    await this.mesh.start()
  }

  async close(): Promise<void> {
    await this.mesh.stop()
    await rm(join(this.folder, '..'), { recursive: true, force: true })
  }

  run(over: Partial<ExportOptions> = {}): Promise<ExportSummary> {
    return exportIndex({
      folder: this.folder,
      url: this.mesh.url,
      targets: [],
      verify: false,
      shrink: false,
      signal: new AbortController().signal,
      sleep: async () => undefined,
      onProgress: () => undefined,
      ...over
    })
  }

  at(...names: readonly string[]): string {
    return join(this.folder, ...names)
  }

  now(...names: readonly string[]): string {
    return this.at('current', ...names)
  }

  /** Every name below the folder with what tells whether it was touched: inode, size, change time, or where a link leads. */
  async snapshot(folder = this.folder): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
      const path = join(entry.parentPath, entry.name)
      const { ino, size, ctimeMs } = await lstat(path)
      const what = entry.isSymbolicLink() ? `-> ${await readlink(path)}` : `${ino} ${size} ${ctimeMs}`
      if (!entry.isDirectory()) found.set(path, what)
    }
    return found
  }
}
