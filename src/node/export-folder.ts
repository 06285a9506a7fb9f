import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ExportError } from './export-error.ts'
import { absent, linkTarget, type MadeFile, putFiles, putLink, textOf } from './export-files.ts'

/** A generation as it is to be. */
export interface Generation {
  /** Which unit each project has: a folder below `pages/<project>/`. */
  readonly units: ReadonlyMap<string, string>
  /** Pages of the root, by the names that they have in `simple/`. */
  readonly root: readonly MadeFile[]
  /** Links beside them: `index.html` → `<tag>.html`. */
  readonly rootLinks: ReadonlyMap<string, string>
  /** Digests that are answered 410, and 503. */
  readonly gone: ReadonlySet<string>
  readonly missing: ReadonlySet<string>
}

const MARK = 'commonwheel-export.json'
const LOCK = '.lock'
/** Of what lies in the folder; an export of another format is refused. */
const FORMAT = 1
const run = promisify(execFile)

/**
 * The folder of an export. Readers go through `current`, one link to a generation, which is replaced in one step:
 *
 *     current -> generations/7
 *     generations/7/simple/<project> -> ../../../pages/<project>/<unit>
 *     generations/7/{files,logs} -> ../../{files,logs}
 *     pages/<project>/<unit>/    all pages of a project, never changed
 *     files/<sha256>/  logs/     named by digest, so that all generations share them
 */
export class ExportFolder {
  readonly path: string
  #generation: string | undefined

  private constructor(path: string, generation: string | undefined) {
    this.path = path
    this.#generation = generation
  }

  /** Takes the folder for this process, and makes it if there is none; throws an ExportError when it is not ours to take. */
  static async open(
    path: string,
    mesh: { readonly id: string; readonly name: string }
  ): Promise<ExportFolder> {
    await mkdir(path, { recursive: true })
    await checkMark(path, mesh)
    await lock(path)
    return new ExportFolder(path, await linkTarget(join(path, 'current')))
  }

  async close(): Promise<void> {
    await rm(join(this.path, LOCK), { force: true })
  }

  /** The folder that readers see; undefined before the first export. */
  current(): string | undefined {
    return this.#generation === undefined ? undefined : join(this.path, this.#generation)
  }

  /** Projects that readers see, sorted. */
  async projects(): Promise<readonly string[]> {
    return namesIn(join(this.current() ?? join(this.path, 'none'), 'simple'))
  }

  async unitOf(project: string): Promise<string | undefined> {
    const current = this.current()
    return current === undefined ? undefined : unitAt(current, project)
  }

  unitPath(project: string, unit: string): string {
    return join(this.path, 'pages', project, unit)
  }

  /** Whether readers see exactly this already. */
  async shows(generation: Generation): Promise<boolean> {
    const current = this.current()
    if (current === undefined) return false
    const names = await namesIn(join(current, 'simple'))
    if (names.length !== generation.units.size) return false
    for (const [project, unit] of generation.units) {
      if ((await unitAt(current, project)) !== unit) return false
    }
    for (const name of ['gone', 'missing'] as const) {
      const shown = await readdir(join(current, name)).catch(absent)
      if (shown?.length !== generation[name].size || !shown.every((digest) => generation[name].has(digest)))
        return false
    }
    for (const [name, target] of generation.rootLinks) {
      if ((await linkTarget(join(current, 'simple', name))) !== target) return false
    }
    return true
  }

  /** Writes the generation beside the one that readers see, has all of it on the disk, and lets them see it. */
  async show(generation: Generation): Promise<string> {
    const number = await this.#nextNumber()
    const name = join('generations', String(number))
    const folder = join(this.path, name)
    const before = this.current()
    await mkdir(join(folder, 'simple'), { recursive: true })
    for (const [project, unit] of generation.units) {
      await putLink(join(folder, 'simple', project), `../../../pages/${project}/${unit}`)
    }
    await putFiles(join(folder, 'simple'), generation.root, before && join(before, 'simple'))
    for (const [link, target] of generation.rootLinks) await putLink(join(folder, 'simple', link), target)
    for (const shared of ['files', 'logs']) {
      await mkdir(join(this.path, shared), { recursive: true })
      await putLink(join(folder, shared), `../../${shared}`)
    }
    for (const kind of ['gone', 'missing'] as const) {
      const marks = [...generation[kind]].map((digest) => ({ name: digest, bytes: new Uint8Array() }))
      await putFiles(join(folder, kind), marks, before && join(before, kind))
    }
    await syncDisk(this.path)
    await putLink(join(this.path, 'current'), name)
    await syncDisk(this.path)
    this.#generation = name
    return name
  }

  /**
   * Removes generations but the current one and the one before (a reader may be in the middle of it), the units that none of
   * the two shows, and wheels and logs that only those named. `filesOf` reads what a unit names.
   */
  async sweep(filesOf: (unitPath: string) => Promise<readonly string[]>): Promise<number> {
    const kept = await this.#sweepGenerations()
    let removed = 0
    for (const project of await namesIn(join(this.path, 'pages'))) {
      const folder = join(this.path, 'pages', project)
      const units = await Promise.all(kept.map((generation) => unitAt(generation, project)))
      const here = (await readdir(folder)).filter((unit) => !units.includes(unit))
      if (here.length === 0) continue
      const named = async (unit: string): Promise<readonly string[]> => filesOf(join(folder, unit))
      const living = new Set(
        (await Promise.all(units.flatMap((unit) => (unit === undefined ? [] : [named(unit)])))).flat()
      )
      for (const unit of here) {
        const dead = (await named(unit)).filter((file) => !living.has(file))
        for (const file of dead) await rm(join(this.path, file), { recursive: true, force: true })
        await rm(join(folder, unit), { recursive: true, force: true })
        removed += dead.length
      }
      if (units.every((unit) => unit === undefined)) await rm(folder, { recursive: true, force: true })
    }
    return removed
  }

  async #sweepGenerations(): Promise<readonly string[]> {
    const folder = join(this.path, 'generations')
    const current = Number(this.#generation?.split('/').at(-1))
    const numbers = (await readdir(folder)).map(Number).sort((a, b) => b - a)
    const before = numbers.find((number) => number < current)
    for (const number of numbers) {
      if (number !== current && number !== before) {
        await rm(join(folder, String(number)), { recursive: true, force: true })
      }
    }
    return [current, ...(before === undefined ? [] : [before])].map((number) => join(folder, String(number)))
  }

  /** A generation that an interrupted run began is no good: it is made anew under its number. */
  async #nextNumber(): Promise<number> {
    const current = Number(this.#generation?.split('/').at(-1) ?? 0)
    for (const name of (await readdir(join(this.path, 'generations')).catch(absent)) ?? []) {
      if (!(Number(name) <= current)) {
        await rm(join(this.path, 'generations', name), { recursive: true, force: true })
      }
    }
    return current + 1
  }
}

async function unitAt(generation: string, project: string): Promise<string | undefined> {
  return (await linkTarget(join(generation, 'simple', project)))?.split('/').at(-1)
}

/** Project names: none of them has a dot, every other name has one. */
async function namesIn(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder).catch(absent)) ?? []
  return names.filter((name) => !name.includes('.')).sort()
}

async function checkMark(path: string, mesh: { readonly id: string; readonly name: string }): Promise<void> {
  const text = await textOf(join(path, MARK))
  if (text === undefined) {
    const others = (await readdir(path)).filter((name) => name !== 'lost+found')
    if (others.length > 0) throw taken(path)
    await writeFile(
      join(path, MARK),
      `${JSON.stringify({ format: FORMAT, mesh: mesh.id, name: mesh.name })}\n`
    )
    return
  }
  const mark = parsed(text)
  if (mark?.['format'] !== FORMAT) throw taken(path)
  if (mark['mesh'] === mesh.id) return
  throw new ExportError({
    code: 'EXPORT_OTHER_MESH',
    folder: path,
    mesh: String(mark['name']),
    cure: 'give each mesh a folder of its own'
  })
}

function taken(folder: string): ExportError {
  return new ExportError({
    code: 'EXPORT_FOLDER_TAKEN',
    folder,
    cure: 'name a folder that is empty, or that an earlier export made: what it does not know it would not dare to touch'
  })
}

/** One export at a time; a process that is no more holds nothing. */
async function lock(path: string): Promise<void> {
  const file = join(path, LOCK)
  for (;;) {
    try {
      await writeFile(file, `${process.pid}\n`, { flag: 'wx' })
      return
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const pid = Number(await readFile(file, 'utf8').catch(absent))
    if (pid > 0 && pid !== process.pid && lives(pid)) {
      const cure = `wait until it has ended; if process ${pid} is something else, delete ${file}`
      throw new ExportError({ code: 'EXPORT_RUNNING', folder: path, pid, cure })
    }
    await rm(file, { force: true })
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

/** One flush of the whole file system: an fsync for each of a hundred thousand small pages would take a card hours. */
async function syncDisk(folder: string): Promise<void> {
  // Where there is no such program, the flush is the system's own, seconds later.
  await run('sync', ['-f', folder]).catch(() => undefined)
}
