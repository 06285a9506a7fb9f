import { messageOf } from '../core/errors.ts'
import type { ProjectName, TargetId } from '../core/ids.ts'
import type { AbortOptions } from '../core/ports.ts'
import { isProjectName } from './export-names.ts'
import type { StatusView } from '../http/api-types.ts'
import { rootHtml, rootJson } from '../http/simple-page.ts'
import { ExportClient } from './export-client.ts'
import { badAnswer, ExportError } from './export-error.ts'
import type { MadeFile } from './export-files.ts'
import { ExportFolder, type Generation } from './export-folder.ts'
import { exportProject, type ProjectExportParts } from './export-project.ts'
import { compressedFile, filesOfUnit, pathsOfUnit, taggedPage } from './export-unit.ts'
import { WheelFetcher } from './export-wheels.ts'

export interface ExportOptions {
  /** An absolute path. */
  readonly folder: string
  /** Of the node, with a slash at the end. */
  readonly url: string
  /** Where the export will be reached, with a slash at the end; the node's own unless given. */
  readonly publicUrl?: string
  /** Which projects are wanted; all unless given. */
  readonly wants?: (project: string) => boolean
  readonly targets: readonly TargetId[]
  /** Reads every file that is there, instead of looking at its size. */
  readonly verify: boolean
  /** Lets more than half of what is exported go. */
  readonly shrink: boolean
  readonly signal: AbortSignal
  readonly sleep: (ms: number, options?: AbortOptions) => Promise<void>
  readonly onProgress: (progress: ExportProgress) => void
}

export interface ExportProgress {
  readonly projects: number
  readonly of: number
  readonly filesFetched: number
  readonly bytesFetched: number
}

export interface ExportFailure {
  readonly project: string
  readonly reason: string
}

/** What an export did. */
export interface ExportSummary {
  readonly mesh: string
  readonly folder: string
  /** Below the folder; what readers see now. */
  readonly generation: string
  /** Whether readers see anything else than before. */
  readonly changed: boolean
  readonly projects: {
    readonly exported: number
    readonly changed: number
    readonly removed: number
    /** These keep what an earlier run exported of them. */
    readonly failed: readonly ExportFailure[]
  }
  readonly files: {
    readonly wheels: number
    readonly logs: number
    readonly fetched: number
    readonly bytesFetched: number
    /** Digests that no holder could give. */
    readonly missing: readonly string[]
    readonly retracted: number
    readonly removed: number
  }
  /** Of pages. */
  readonly bytesWritten: number
}

/** Projects at a time: enough to hide the disk behind the network, and little for a node that builds meanwhile. */
const AT_ONCE = 4
/** Below this, losing half is an ordinary day. */
const MIN_SHRINK = 10

/**
 * Writes everything that a node serves of its index as files. Asks the node as a client does, so that bytes are the same by
 * construction; holds one page of some projects in memory, and the name and unit of each.
 */
export async function exportIndex(options: ExportOptions): Promise<ExportSummary> {
  const client = new ExportClient(options)
  // What is exported is for all to read, a web server among them, whatever the person's own files are.
  const mask = process.umask(0o022)
  try {
    const { mesh } = await statusOf(client)
    const folder = await ExportFolder.open(options.folder, mesh)
    try {
      return await new IndexExport(options, client, folder).run(mesh.name)
    } finally {
      await folder.close()
    }
  } finally {
    process.umask(mask)
    client.close()
  }
}

class IndexExport {
  readonly #options: ExportOptions
  readonly #client: ExportClient
  readonly #folder: ExportFolder
  readonly #wheels: WheelFetcher
  readonly #parts: ProjectExportParts
  readonly #units = new Map<string, string>()
  readonly #gone = new Set<string>()
  readonly #missing = new Set<string>()
  readonly #failed: ExportFailure[] = []
  readonly #counts = { changed: 0, wheels: 0, logs: 0, bytesWritten: 0, done: 0 }
  #total = 0

  constructor(options: ExportOptions, client: ExportClient, folder: ExportFolder) {
    this.#options = options
    this.#client = client
    this.#folder = folder
    this.#wheels = new WheelFetcher(client, {
      folder: folder.path,
      verify: options.verify,
      onBytes: () => {
        this.#tell()
      }
    })
    const { targets, publicUrl = options.url } = options
    this.#parts = { client, folder, wheels: this.#wheels, targets, publicUrl }
  }

  async run(mesh: string): Promise<ExportSummary> {
    const names = await this.#names()
    this.#total = names.length
    await this.#exportAll(names)
    const before = await this.#folder.projects()
    const generation = await this.#generation()
    const changed = !(await this.#folder.shows(generation))
    if (changed) await this.#folder.show(generation)
    const removed = changed ? await this.#folder.sweep(pathsOfUnit) : 0
    const fetched = this.#wheels.fetched()
    return {
      mesh,
      folder: this.#folder.path,
      generation: this.#folder.current() ?? '',
      changed,
      projects: {
        exported: this.#units.size,
        changed: this.#counts.changed,
        removed: before.filter((name) => !this.#units.has(name)).length,
        failed: this.#failed
      },
      files: {
        wheels: this.#counts.wheels,
        logs: this.#counts.logs,
        fetched: fetched.files,
        bytesFetched: fetched.bytes,
        missing: [...this.#missing].sort(),
        retracted: this.#gone.size,
        removed
      },
      bytesWritten: this.#counts.bytesWritten
    }
  }

  /** The projects to export, in the order of the index. */
  async #names(): Promise<readonly ProjectName[]> {
    const path = 'simple/'
    const accept = 'application/vnd.pypi.simple.v1+json'
    const { status, body } = await this.#client.get(path, { accept })
    if (status !== 200) throw badAnswer(path, `its status is ${status}`)
    const { projects } = parsedPage(path, body) as {
      readonly projects: readonly { readonly name: unknown }[]
    }
    const listed = projects.map(({ name }) => name).filter(isProjectName)
    const wants = this.#options.wants ?? (() => true)
    const names = listed.filter(wants)
    if (names.length === 0 && listed.length > 0) {
      const cure = 'look at /simple/ of the node for the names it has'
      throw new ExportError({ code: 'EXPORT_NOTHING_FITS', projects: `none of ${listed.length}`, cure })
    }
    await this.#checkShrinking(names)
    return names
  }

  /** A node that has just lost its ledger lists next to nothing, and gets it all back within minutes. */
  async #checkShrinking(names: readonly string[]): Promise<void> {
    const before = await this.#folder.projects()
    const listed = new Set(names)
    const kept = before.filter((name) => listed.has(name)).length
    if (this.#options.shrink || before.length < MIN_SHRINK || kept * 2 >= before.length) return
    throw new ExportError({
      code: 'EXPORT_SHRINKS',
      exported: before.length,
      listed: kept,
      cure: 'wait until the node has its ledger back; if so many projects are to go, say --shrink'
    })
  }

  async #exportAll(names: readonly ProjectName[]): Promise<void> {
    const rest = names.values()
    const troubles: unknown[] = []
    const work = async (): Promise<void> => {
      for (const name of rest) {
        if (troubles.length > 0) return
        await this.#export(name).catch((error: unknown) => troubles.push(error))
      }
    }
    // All have ended before the folder is given back.
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    if (troubles.length > 0) throw troubles[0]
    if (names.length > 0 && this.#failed.length === names.length) {
      const [{ project, reason } = { project: '', reason: '' }] = this.#failed
      throw badAnswer(`simple/${project}/`, `no project could be exported: ${reason}`)
    }
  }

  async #export(name: ProjectName): Promise<void> {
    try {
      const done = await exportProject(this.#parts, name)
      if (done !== undefined) {
        this.#units.set(name, done.unit)
        this.#counts.changed += done.isNew ? 1 : 0
        this.#counts.bytesWritten += done.bytesWritten
        this.#counts.wheels += done.files.wheels.length
        this.#counts.logs += done.files.logs.length
        for (const digest of done.files.gone) this.#gone.add(digest)
        for (const digest of done.missing) this.#missing.add(digest)
      }
    } catch (error) {
      // Of this project alone; a node that is silent, a full disk and Ctrl-C end it all.
      if (!(error instanceof ExportError) || error.code === 'EXPORT_NODE_SILENT') throw error
      this.#failed.push({ project: name, reason: messageOf(error) })
      await this.#keepEarlier(name)
    }
    this.#counts.done += 1
    this.#tell()
  }

  async #keepEarlier(name: ProjectName): Promise<void> {
    const unit = await this.#folder.unitOf(name)
    if (unit === undefined) return
    this.#units.set(name, unit)
    const { gone } = await filesOfUnit(this.#folder.unitPath(name, unit))
    for (const digest of gone) this.#gone.add(digest)
  }

  /** The root lists what is there: of a whole export, what the node's own lists. */
  async #generation(): Promise<Generation> {
    const names = [...this.#units.keys()].sort()
    const root: MadeFile[] = []
    const rootLinks = new Map<string, string>()
    for (const [text, kind] of [[rootHtml(names), 'html'] as const, [rootJson(names), 'json'] as const]) {
      const { name, link, page } = taggedPage(text, kind)
      const small = await compressedFile(name, page)
      root.push({ name, bytes: page.plain.body }, ...(small === undefined ? [] : [small]))
      rootLinks.set(link, name)
    }
    return { units: this.#units, root, rootLinks, gone: this.#gone, missing: this.#missing }
  }

  #tell(): void {
    const { files, bytes } = this.#wheels.fetched()
    this.#options.onProgress({
      projects: this.#counts.done,
      of: this.#total,
      filesFetched: files,
      bytesFetched: bytes
    })
  }
}

async function statusOf(client: ExportClient): Promise<StatusView> {
  const path = 'api/v1/status'
  const { status, body } = await client.get(path)
  if (status !== 200) throw badAnswer(path, `its status is ${status}`)
  return parsedPage(path, body) as StatusView
}

function parsedPage(path: string, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw badAnswer(path, 'it is no JSON: something else than a node answers there')
  }
}
