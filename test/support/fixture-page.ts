import { sha256Hex } from '../../src/core/digest.ts'

export interface FixtureFile {
  readonly filename: string
  readonly bytes: Uint8Array
  readonly requiresPython?: string
  readonly yanked?: boolean | string
  /** Served as `.metadata` (PEP 658). */
  readonly metadata?: Uint8Array | string
  /** ISO 8601; by default a time made of the serial. */
  readonly uploadTime?: string
}

export interface FixtureProject {
  readonly name: string
  readonly serial: number
  readonly files: readonly (FixtureFile & { readonly serial: number })[]
}

export interface FixtureLies {
  readonly wrongDigest: boolean
  readonly noSerials: boolean
}

/** The page by PEP 691 and 700, with the keys and the relative URLs that warehouse has. */
export function fixtureJson(project: FixtureProject, lies: FixtureLies): string {
  return JSON.stringify({
    meta: { 'api-version': '1.4', ...(lies.noSerials ? {} : { '_last-serial': project.serial }) },
    name: project.name,
    versions: [...new Set(project.files.map(({ filename }) => versionIn(filename)))],
    files: project.files.map((file) => ({
      filename: file.filename,
      url: relativeUrl(file),
      hashes: { sha256: statedDigest(file, lies) },
      'requires-python': file.requiresPython ?? null,
      size: file.bytes.byteLength,
      'upload-time': file.uploadTime ?? new Date(1_767_225_600_000 + file.serial * 1000).toISOString(),
      yanked: file.yanked ?? false,
      ...metadataKeys(file)
    }))
  })
}

/** The page by PEP 503, 592, 658 and 714. */
export function fixtureHtml(project: FixtureProject, lies: FixtureLies): string {
  const links = project.files.map((file) => {
    const attributes = [
      `href="${relativeUrl(file)}#sha256=${statedDigest(file, lies)}"`,
      ...(file.requiresPython === undefined ? [] : [`data-requires-python="${escape(file.requiresPython)}"`]),
      ...(file.yanked === undefined || file.yanked === false
        ? []
        : [`data-yanked="${file.yanked === true ? '' : escape(file.yanked)}"`]),
      ...(file.metadata === undefined
        ? []
        : [
            `data-dist-info-metadata="sha256=${sha256Hex(file.metadata)}"`,
            `data-core-metadata="sha256=${sha256Hex(file.metadata)}"`
          ])
    ]
    return `    <a ${attributes.join(' ')}>${file.filename}</a><br />`
  })
  const title = `<title>Links for ${project.name}</title>`
  const head = `<meta name="pypi:repository-version" content="1.4">\n    ${title}`
  return `<!DOCTYPE html>\n<html>\n  <head>\n    ${head}\n  </head>\n  <body>\n${links.join('\n')}\n  </body>\n</html>\n`
}

function metadataKeys(file: FixtureFile): Record<string, unknown> {
  const stated = file.metadata === undefined ? false : { sha256: sha256Hex(file.metadata) }
  return { 'core-metadata': stated, 'data-dist-info-metadata': stated }
}

function relativeUrl(file: FixtureFile): string {
  return `../../files/${sha256Hex(file.bytes)}/${encodeURIComponent(file.filename)}`
}

function statedDigest(file: FixtureFile, lies: FixtureLies): string {
  return sha256Hex(lies.wrongDigest ? `not ${file.filename}` : file.bytes)
}

function versionIn(filename: string): string {
  return filename.replace(/\.(tar\.gz|zip)$/, '').split('-')[1] ?? ''
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
