import { isSha256, type Sha256 } from '../core/ids.ts'

/** A wheel of the mesh that a page or the project's JSON names. */
export interface ListedWheel {
  readonly filename: string
  readonly sha256: Sha256
  readonly size: number
}

/** What one project has besides its pages. */
export interface ListedFiles {
  readonly wheels: readonly ListedWheel[]
  readonly logs: readonly Sha256[]
}

type Json = Readonly<Record<string, unknown>>

/** How pages name the mesh's wheels, seen from `/simple/<project>/`. */
const OURS = /^\.\.\/\.\.\/files\/([0-9a-f]{64})\//

/** The mesh's wheels on a project's JSON page; upstream's files have absolute URLs and stay where they are. */
export function wheelsOfPage(json: string): readonly ListedWheel[] {
  const { files } = JSON.parse(json) as { readonly files: readonly Json[] }
  return files.flatMap((file) => {
    const sha256 = OURS.exec(String(file['url']))?.[1]
    return wheelOf(file['filename'], sha256, file['size'])
  })
}

/** Wheels and logs of `/project/<project>/json`: those that are not listed for pip, too. */
export function filesOfProject(json: string): ListedFiles {
  const { releases } = JSON.parse(json) as { readonly releases: Readonly<Record<string, Json>> }
  const wheels: ListedWheel[] = []
  const logs = new Set<Sha256>()
  for (const release of Object.values(releases)) {
    for (const [filename, file] of entriesOf(release['files'])) {
      wheels.push(...wheelOf(filename, file['filehash'], file['filesize']))
      addLog(logs, file['log'])
    }
    for (const [, build] of entriesOf(release['builds'])) addLog(logs, build['log'])
  }
  return { wheels, logs: [...logs] }
}

/** The JSON page without the wheels of the mesh that are not kept; every other byte stays. */
export function thinJson(json: string, isKept: (digest: string) => boolean): string {
  const page = JSON.parse(json) as Json & { readonly files: readonly Json[] }
  const files = page.files.filter(({ url }) => {
    const digest = OURS.exec(String(url))?.[1]
    return digest === undefined || isKept(digest)
  })
  return files.length === page.files.length ? json : JSON.stringify({ ...page, files })
}

/** The same for the HTML page, which has one line for each file. */
export function thinHtml(html: string, isKept: (digest: string) => boolean): string {
  const lines = html.split('\n').filter((line) => {
    const digest = /^<a href="\.\.\/\.\.\/files\/([0-9a-f]{64})\//.exec(line)?.[1]
    return digest === undefined || isKept(digest)
  })
  return lines.join('\n')
}

function wheelOf(filename: unknown, sha256: unknown, size: unknown): readonly ListedWheel[] {
  const isGood =
    typeof filename === 'string' &&
    /^[^/.][^/]*\.whl$/.test(filename) &&
    typeof sha256 === 'string' &&
    isSha256(sha256) &&
    typeof size === 'number'
  return isGood ? [{ filename, sha256, size }] : []
}

function addLog(logs: Set<Sha256>, url: unknown): void {
  const digest = /^\.\.\/\.\.\/logs\/([0-9a-f]{64})$/.exec(String(url))?.[1]
  if (digest !== undefined && isSha256(digest)) logs.add(digest)
}

function entriesOf(value: unknown): readonly (readonly [string, Json])[] {
  return typeof value === 'object' && value !== null ? (Object.entries(value) as [string, Json][]) : []
}
