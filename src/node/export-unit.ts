import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { isSha256, type Sha256 } from '../core/ids.ts'
import { type Page, createPage } from '../http/page.ts'
import { type MadeFile, putFiles, putLink, sizeOf, textOf } from './export-files.ts'
import type { ListedFiles, ListedWheel } from './export-page.ts'

/** All that is exported of one project, as texts. */
export interface UnitTexts {
  /** `/simple/<project>/` */
  readonly html: string
  readonly json: string
  /** `/project/<project>` and `/project/<project>/json` */
  readonly about: string
  readonly aboutJson: string
  readonly files: UnitFiles
}

/** Wheels and logs that the export has of a project, and retracted wheels, whose digests stay known for good. */
export interface UnitFiles extends ListedFiles {
  readonly wheels: readonly ListedWheel[]
  readonly gone: readonly Sha256[]
}

export const NO_FILES: UnitFiles = { wheels: [], logs: [], gone: [] }

/** Not served: what a later run, and the sweep, need to know. */
const FILES_NAME = 'files.json'

export interface Unit {
  /** Tells it from every other content of this project. */
  readonly id: string
  readonly files: readonly MadeFile[]
  /** Pages that are large enough to be sent compressed, and the name that they get then. */
  readonly pages: readonly { readonly name: string; readonly page: Page }[]
  readonly links: ReadonlyMap<string, string>
}

/**
 * The files of a project. A page's name is its tag, the one that a node sends as `ETag`; `index.html` leads to it. So nginx
 * learns the tag from the link, and every other server finds an index.
 */
export function unitOf({ html, json, about, aboutJson, files }: UnitTexts): Unit {
  const pages = [taggedPage(html, 'html'), taggedPage(json, 'json')]
  const made = [
    ...pages.map(({ name, page }) => ({ name, bytes: page.plain.body })),
    { name: 'project.html', bytes: Buffer.from(about) },
    { name: 'project.json', bytes: Buffer.from(aboutJson) },
    { name: FILES_NAME, bytes: Buffer.from(`${JSON.stringify(files)}\n`) }
  ]
  const links = new Map(pages.map(({ name, link }) => [link, name]))
  return { id: idOf(made), files: made, pages, links }
}

interface TaggedPage {
  readonly name: string
  readonly link: string
  readonly page: Page
}

/** By the very function that makes a node's answers: bytes, compressed bytes and tag are the same. */
export function taggedPage(text: string, kind: 'html' | 'json'): TaggedPage {
  const page = createPage(text)
  return { name: `${page.plain.etag.slice(1, -1)}.${kind}`, link: `index.${kind}`, page }
}

/** The compressed form of a page, where a node has one. */
export async function compressedFile(name: string, page: Page): Promise<MadeFile | undefined> {
  const small = await page.gzip()
  return small === page.plain ? undefined : { name: `${name}.gz`, bytes: small.body }
}

/** Writes what is not there yet, and mends what is not as it should be; tells how many bytes were written. */
export async function putUnit(folder: string, unit: Unit, earlier: string | undefined): Promise<number> {
  let written = await putFiles(folder, unit.files, earlier)
  for (const { name, page } of unit.pages) {
    // Compressing costs more than all the rest: one that lies there beside its page was made of it.
    if (((await sizeOf(join(folder, `${name}.gz`))) ?? 0) > 0) continue
    const small = await compressedFile(name, page)
    if (small !== undefined) written += await putFiles(folder, [small], earlier)
  }
  for (const [link, target] of unit.links) await putLink(join(folder, link), target)
  return written
}

/** What a unit of an earlier run names; nothing when it cannot be read. */
export async function filesOfUnit(folder: string): Promise<UnitFiles> {
  try {
    const { wheels, logs, gone } = JSON.parse((await textOf(join(folder, FILES_NAME))) ?? '') as UnitFiles
    if (![...logs, ...gone, ...wheels.map(({ sha256 }) => sha256)].every(isSha256)) return NO_FILES
    return { wheels, logs, gone }
  } catch {
    return NO_FILES
  }
}

/** Where the files of a unit lie, below the folder of the export. */
export async function pathsOfUnit(folder: string): Promise<readonly string[]> {
  const { wheels, logs } = await filesOfUnit(folder)
  return [
    ...wheels.map(({ sha256 }) => join('files', sha256)),
    ...logs.map((digest) => join('logs', `${digest}.gz`))
  ]
}

function idOf(files: readonly MadeFile[]): string {
  const hash = createHash('sha256')
  for (const { name, bytes } of files) {
    hash.update(`${name} ${createHash('sha256').update(bytes).digest('hex')}\n`)
  }
  return hash.digest('hex').slice(0, 32)
}
