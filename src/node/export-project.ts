import type { ProjectName, Sha256, TargetId } from '../core/ids.ts'
import { fileFitsTarget } from '../core/merge-index.ts'
import { escapeHtml } from '../http/markup.ts'
import { createPage } from '../http/page.ts'
import type { ExportClient } from './export-client.ts'
import { badAnswer, ExportError } from './export-error.ts'
import type { ExportFolder } from './export-folder.ts'
import { filesOfProject, type ListedWheel, thinHtml, thinJson, wheelsOfPage } from './export-page.ts'
import { filesOfUnit, NO_FILES, putUnit, type UnitFiles, unitOf } from './export-unit.ts'
import type { WheelFetcher } from './export-wheels.ts'

export interface ProjectExportParts {
  readonly client: ExportClient
  readonly folder: ExportFolder
  readonly wheels: WheelFetcher
  /** Only wheels that install on one of these; none: all. */
  readonly targets: readonly TargetId[]
  /** Where the export will be reached, with a slash at the end; pages for people name it. */
  readonly publicUrl: string
}

export interface ExportedProject {
  readonly unit: string
  readonly isNew: boolean
  readonly bytesWritten: number
  readonly files: UnitFiles
  /** Digests of files that no holder could give. */
  readonly missing: readonly Sha256[]
}

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'

/** Exports one project: its pages, and the files they name. undefined: the node has no such project. */
export async function exportProject(
  parts: ProjectExportParts,
  project: ProjectName
): Promise<ExportedProject | undefined> {
  const { client, folder, wheels } = parts
  const json = await pageOf(client, project, JSON_TYPE)
  const html = await pageOf(client, project, 'text/html')
  if (json === undefined || html === undefined) return undefined
  const about = await textOf(client, `project/${project}`)
  const aboutJson = await textOf(client, `project/${project}/json`)

  const before = await folder.unitOf(project)
  const earlier = before === undefined ? undefined : folder.unitPath(project, before)
  const known = earlier === undefined ? NO_FILES : await filesOfUnit(earlier)
  const fits = ({ filename }: ListedWheel): boolean =>
    parts.targets.length === 0 || parts.targets.some((target) => fileFitsTarget(filename, target))
  const isKept = keepsOf(wheelsOfPage(json).filter(fits))
  const files = await filesNow(client, { json, aboutJson, known, fits })
  const missing = await wheels.fetchAll(files)

  const isThin = parts.targets.length > 0
  const unit = unitOf({
    html: isThin ? thinHtml(html, isKept) : html,
    json: isThin ? thinJson(json, isKept) : json,
    about: about.replaceAll(escapeHtml(`${client.url}simple/`), escapeHtml(`${parts.publicUrl}simple/`)),
    aboutJson,
    files
  })
  const bytesWritten = await putUnit(folder.unitPath(project, unit.id), unit, earlier)
  return { unit: unit.id, isNew: unit.id !== before, bytesWritten, files, missing }
}

function keepsOf(wheels: readonly ListedWheel[]): (digest: string) => boolean {
  const digests = new Set<string>(wheels.map(({ sha256 }) => sha256))
  return (digest) => digests.has(digest)
}

/**
 * What the project's pages name, and what an earlier run exported and the node still serves: a lock file may name a wheel
 * that is listed no longer. One that was retracted is noted as gone.
 */
async function filesNow(
  client: ExportClient,
  what: {
    readonly json: string
    readonly aboutJson: string
    readonly known: UnitFiles
    readonly fits: (wheel: ListedWheel) => boolean
  }
): Promise<UnitFiles> {
  const named = filesOfProject(what.aboutJson)
  const wheels = new Map(
    [...wheelsOfPage(what.json), ...named.wheels].filter(what.fits).map((wheel) => [wheel.sha256, wheel])
  )
  const gone = new Set(what.known.gone)
  for (const wheel of what.known.wheels.filter(what.fits)) {
    if (wheels.has(wheel.sha256)) continue
    const { status } = await client.head(`files/${wheel.sha256}/${encodeURIComponent(wheel.filename)}`)
    if (status === 200) wheels.set(wheel.sha256, wheel)
    if (status === 410) gone.add(wheel.sha256)
  }
  for (const digest of wheels.keys()) gone.delete(digest)
  return {
    wheels: [...wheels.values()].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)),
    logs: [...new Set([...named.logs, ...what.known.logs])].sort(),
    gone: [...gone].sort()
  }
}

/** A page of the simple index, whole: its tag is a digest of it. */
async function pageOf(
  client: ExportClient,
  project: ProjectName,
  accept: string
): Promise<string | undefined> {
  const path = `simple/${project}/`
  const { status, headers, body } = await client.get(path, { accept })
  if (status === 404 && headers['x-commonwheel-upstream'] === undefined) return undefined
  if (status !== 200) throw notToBeHad(path, status)
  const text = body.toString('utf8')
  if (createPage(text).plain.etag === headers.etag) return text
  throw badAnswer(path, `its tag ${headers.etag ?? '(none)'} is not that of what came`)
}

async function textOf(client: ExportClient, path: string): Promise<string> {
  const { status, body } = await client.get(path)
  if (status === 200) return body.toString('utf8')
  throw notToBeHad(path, status)
}

function notToBeHad(path: string, status: number): ExportError {
  const cure = 'the log of the node says why; run the export again when it is mended'
  return new ExportError({ code: 'EXPORT_NOT_TO_BE_HAD', path, status, cure })
}
