import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuildView, JobView, StatusView, WantView } from '../../src/http/api-types.ts'
import type { NodeProcess } from './spawn-node.ts'

const JSON_INDEX = 'application/vnd.pypi.simple.v1+json'

interface IndexFile {
  readonly filename: string
  readonly url: string
  readonly hashes: { readonly sha256: string }
}

export async function statusOf(node: NodeProcess): Promise<StatusView> {
  return node.api('/api/v1/status')
}

export async function jobsOf(node: NodeProcess): Promise<readonly JobView[]> {
  return node.api('/api/v1/jobs?limit=5000')
}

export async function buildsOf(node: NodeProcess): Promise<readonly BuildView[]> {
  return node.api('/api/v1/builds?limit=5000')
}

/** Jobs of the ledger that have more than one result. */
export function builtTwice(builds: readonly BuildView[]): readonly string[] {
  const jobs = builds.map(({ job }) => job)
  return [...new Set(jobs.filter((job, at) => jobs.indexOf(job) !== at))]
}

/** The bodies of an index, by path and form: what must be the same on every node. */
export async function indexBodies(
  node: NodeProcess,
  projects: readonly string[]
): Promise<Readonly<Record<string, string>>> {
  const bodies: Record<string, string> = {}
  for (const path of ['/simple/', ...projects.map((project) => `/simple/${project}/`)]) {
    for (const accept of ['text/html', JSON_INDEX]) {
      const response = await fetch(node.url(path), { headers: { accept } })
      bodies[`${path} ${accept}`] = `${response.status}\n${await response.text()}`
    }
  }
  return bodies
}

export async function indexFiles(node: NodeProcess, project: string): Promise<readonly IndexFile[]> {
  const response = await fetch(node.url(`/simple/${project}/`), { headers: { accept: JSON_INDEX } })
  const { files } = (await response.json()) as { readonly files: readonly IndexFile[] }
  return files.map((file) => ({ ...file, url: new URL(file.url, response.url).href }))
}

/** The SHA-256 of what a URL gives. */
export async function digestOf(url: string): Promise<string> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${response.status} for ${url}`)
  return createHash('sha256')
    .update(Buffer.from(await response.arrayBuffer()))
    .digest('hex')
}

/** Whether a node has a blob on its own disk. */
export async function holds(node: NodeProcess, digest: string): Promise<boolean> {
  const names = await readdir(join(node.dataDir, 'blobs'), { recursive: true })
  return names.some((name) => name.replaceAll('/', '').endsWith(digest))
}

/** What `want --wait --json` printed. */
export function wantIn(stdout: string): WantView {
  return JSON.parse(stdout) as WantView
}
