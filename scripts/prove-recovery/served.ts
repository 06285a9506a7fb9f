import { createHash } from 'node:crypto'
import { isSha256 } from '../../src/core/ids.ts'
import { indexFiles } from '../../test/support/mesh-views.ts'
import type { NodeProcess } from '../../test/support/spawn-node.ts'

const JSON_INDEX = 'application/vnd.pypi.simple.v1+json'
/** Longer than installers wait. */
const ANSWER_MS = 20_000

/** Bodies of what a node serves, by path and form. */
export type Bodies = Readonly<Record<string, string>>

/** A wheel or its METADATA. */
export interface ServedFile {
  readonly path: string
  readonly sha256: string
}

/** The index, and of each project the page for people and its JSON: what must be the same on every node. */
export async function servedBodies(node: NodeProcess, projects: readonly string[]): Promise<Bodies> {
  const bodies: Record<string, string> = {}
  for (const path of ['/simple/', ...projects.map((project) => `/simple/${project}/`)])
    for (const accept of ['text/html', JSON_INDEX])
      bodies[`${path} ${accept}`] = await bodyOf(node, path, accept)
  for (const project of projects)
    for (const path of [`/project/${project}`, `/project/${project}/json`])
      // A page tells its reader the address under which he reached it, which is another one on each node.
      bodies[path] = withoutAddress(await bodyOf(node, path), new URL(node.url('/')))
  return bodies
}

/** Whole in the line for uv, and the host alone in what pip is told to trust. */
function withoutAddress(body: string, { origin, hostname }: URL): string {
  return body.replaceAll(origin, 'http://node').replaceAll(hostname, 'node')
}

/** What a node says, with its status; or that it said nothing. */
async function bodyOf(node: NodeProcess, path: string, accept = '*/*'): Promise<string> {
  try {
    const response = await fetch(node.url(path), {
      headers: { accept },
      signal: AbortSignal.timeout(ANSWER_MS)
    })
    return `${response.status}\n${await response.text()}`
  } catch (error) {
    return `no answer: ${String(error)}`
  }
}

/** Paths at which the bodies are not those that they should be. */
export function differences(wanted: Bodies, found: Bodies): readonly string[] {
  return Object.keys(wanted).filter((path) => wanted[path] !== found[path])
}

/** All files of our own that the pages of a node list. */
export async function servedFiles(
  node: NodeProcess,
  projects: readonly string[]
): Promise<readonly ServedFile[]> {
  const { origin } = new URL(node.url('/'))
  const files: ServedFile[] = []
  for (const project of projects)
    for (const { url, hashes, ...rest } of await indexFiles(node, project)) {
      if (new URL(url).origin !== origin) continue
      files.push({ path: new URL(url).pathname, sha256: hashes.sha256 })
      const metadata = metadataDigest(rest)
      if (metadata !== undefined) files.push({ path: `${new URL(url).pathname}.metadata`, sha256: metadata })
    }
  return files
}

export interface FileTrouble {
  readonly file: ServedFile
  readonly trouble: string
  /** It was given whole, with other bytes than its digest promises. */
  readonly isWrong: boolean
}

/** Asks a node for each file; those that do not come with the right bytes, with what came instead. */
export async function troubleWithFiles(
  node: NodeProcess,
  files: readonly ServedFile[]
): Promise<readonly FileTrouble[]> {
  const troubles: FileTrouble[] = []
  for (const file of files) {
    const found = await digestOf(node, file.path).catch((error: unknown) => String(error))
    const isWrong = isSha256(found) && found !== file.sha256
    if (found !== file.sha256)
      troubles.push({ file, trouble: `${node.name} ${file.path}: ${found}`, isWrong })
  }
  return troubles
}

async function digestOf(node: NodeProcess, path: string): Promise<string> {
  const response = await fetch(node.url(path), { signal: AbortSignal.timeout(ANSWER_MS) })
  if (!response.ok) throw new Error(`status ${response.status}`)
  return createHash('sha256')
    .update(Buffer.from(await response.arrayBuffer()))
    .digest('hex')
}

function metadataDigest(file: object): string | undefined {
  const stated = 'core-metadata' in file ? file['core-metadata'] : undefined
  if (typeof stated !== 'object' || stated === null || !('sha256' in stated)) return undefined
  return String(stated.sha256)
}
