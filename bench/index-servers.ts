/* The three servers of index.bench.ts, with the same answers. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { sha256Hex } from '../src/core/digest.ts'
import { NodeProcess } from '../test/support/spawn-node.ts'
import { startUpstream, WITH_WHEELS } from './index-upstream.ts'
import { makeFolder, projectName, RESULTS_OF_PAGE } from './ledger-folder.ts'
import { readAll, type ReadPages } from './read-pages.ts'
import type { StaticPlan } from './static-server.child.ts'
import { pin } from './wrk.ts'

export const JSON_V1 = 'application/vnd.pypi.simple.v1+json'
export const HTML = 'application/vnd.pypi.simple.v1+html'

export interface Subject {
  readonly name: 'node' | 'bare' | 'nginx'
  readonly port: number
  readonly pids: readonly number[]
  /** The tag of each page, as this server gives it. */
  etags(): Promise<ReadonlyMap<string, string>>
  stop(): Promise<void>
}

export interface Built {
  /** Paths of all project pages. */
  readonly pages: readonly string[]
  /** Paths of wheels of the mesh that the node has. */
  readonly files: Readonly<Record<'file 64 KiB' | 'file 1 MiB', readonly string[]>>
}

export interface NodeOrder {
  readonly folder: string
  readonly projects: number
  /** Words for node: the program, and options before it. */
  readonly program: readonly string[]
}

/** The servers have this core for themselves, each in its turn. */
const SERVER_CORE = '0'
/** Cells of the ledger whose wheels the node has, large ones first. */
const LARGE_WHEELS = 50
const SMALL_WHEELS = 200
const LARGE_BYTES = 1024 * 1024
const SMALL_BYTES = 64 * 1024

export async function startNode(
  order: NodeOrder
): Promise<{ readonly node: Subject; readonly built: Built }> {
  const names = Array.from({ length: order.projects }, (_, index) => projectName(index))
  const upstream = await startUpstream(new Map(names.map((name, index) => [name as string, index])))
  const dataDir = join(order.folder, 'node')
  await makeFolder({
    dataDir,
    results: WITH_WHEELS * RESULTS_OF_PAGE,
    pages: order.projects,
    wanted: WITH_WHEELS,
    upstream: upstream.url,
    wheelOf
  })
  const process_ = new NodeProcess({
    name: 'node',
    dataDir,
    pythons: [],
    upstream: upstream.url,
    program: order.program,
    settings: { roles: ['index'], logLevel: 'warn' },
    env: process.env
  })
  await process_.start()
  await pin(process_.pid, SERVER_CORE)
  const port = Number(new URL(process_.ready.pageUrl).port)
  const pages = names.map((name) => `/simple/${name}/`)
  const node = subjectOf('node', { port, pid: process_.pid, pages }, async () => {
    await process_.kill()
    upstream.server.closeAllConnections()
    upstream.server.close()
  })
  return { node, built: { pages, files: await filesIn(node) } }
}

/** Bytes that gzip cannot shrink do not matter here: files are never compressed. */
function wheelOf(cell: number): Uint8Array | undefined {
  if (cell >= LARGE_WHEELS + SMALL_WHEELS) return undefined
  const bytes = Buffer.alloc(cell < LARGE_WHEELS ? LARGE_BYTES : SMALL_BYTES, cell % 251)
  bytes.writeUInt32BE(cell)
  return bytes
}

/** Where the node says that its wheels are. */
async function filesIn(node: Subject): Promise<Built['files']> {
  const found: Record<'file 64 KiB' | 'file 1 MiB', string[]> = { 'file 64 KiB': [], 'file 1 MiB': [] }
  const projects = Math.ceil((LARGE_WHEELS + SMALL_WHEELS) / RESULTS_OF_PAGE)
  for (let index = 0; index < projects; index++) {
    const url = `http://127.0.0.1:${node.port}/simple/${projectName(index)}/`
    const page = (await (await fetch(url, { headers: { accept: JSON_V1 } })).json()) as {
      readonly files: readonly {
        readonly url: string
        readonly size: number
        readonly _commonwheel?: unknown
      }[]
    }
    for (const file of page.files.filter(({ _commonwheel }) => _commonwheel !== undefined)) {
      const { pathname } = new URL(file.url, url)
      if (file.size === LARGE_BYTES) found['file 1 MiB'].push(pathname)
      if (file.size === SMALL_BYTES) found['file 64 KiB'].push(pathname)
    }
  }
  return found
}

export async function startBare(folder: string, { pages }: ReadPages, built: Built): Promise<Subject> {
  const root = join(folder, 'bare')
  await mkdir(root)
  const plan: StaticPlan = {
    pages: await Promise.all(
      pages.map(async ({ path, headers, etag, body }, at) => {
        const kept = join(root, `${at}.body`)
        await writeFile(kept, body)
        return { url: path, headers, etag, path: kept }
      })
    ),
    files: (await wheelFiles(folder, built)).map(({ path, url }) => ({ url, path }))
  }
  const planPath = join(folder, 'bare.json')
  await writeFile(planPath, JSON.stringify(plan))
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('static-server.child.ts', import.meta.url)), planPath],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  await pin(child.pid ?? 0, SERVER_CORE)
  return subjectOf('bare', { port: Number(line), pid: child.pid ?? 0, pages: built.pages }, () =>
    ended(child)
  )
}

export async function startNginx(folder: string, { pages }: ReadPages, built: Built): Promise<Subject> {
  const root = join(folder, 'www')
  for (const { path, headers, body } of pages) {
    await mkdir(join(root, path), { recursive: true })
    const isGzip = headers.includes('gzip')
    await writeFile(join(root, path, 'index.json'), isGzip ? gunzipSync(body) : body)
    if (isGzip) await writeFile(join(root, path, 'index.json.gz'), body)
  }
  await wheelFiles(folder, built)
  const port = await freePort()
  const config = join(folder, 'nginx.conf')
  await writeFile(config, nginxConfig(folder, port))
  const child = spawn('nginx', ['-p', folder, '-c', config], { stdio: ['ignore', 'inherit', 'inherit'] })
  await untilAnswers(port)
  await pin(child.pid ?? 0, SERVER_CORE)
  return subjectOf('nginx', { port, pid: child.pid ?? 0, pages: built.pages }, () => ended(child))
}

function nginxConfig(folder: string, port: number): string {
  return `
daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 65;
  open_file_cache max=6000 inactive=60s; open_file_cache_valid 60s;
  client_body_temp_path ${folder}/tmp; proxy_temp_path ${folder}/tmp; fastcgi_temp_path ${folder}/tmp;
  uwsgi_temp_path ${folder}/tmp; scgi_temp_path ${folder}/tmp;
  types { ${JSON_V1} json; application/octet-stream whl; }
  server {
    listen 127.0.0.1:${port}; root ${folder}/www; server_tokens off;
    location /simple/ {
      index index.json; gzip_static on; gzip_vary off;
      add_header cache-control "max-age=0, must-revalidate"; add_header vary "Accept, Accept-Encoding";
      add_header x-content-type-options nosniff;
    }
    location /files/ { add_header cache-control "public, max-age=365000000, immutable"; }
  }
}
`
}

/** The wheels as plain files for the other servers. */
async function wheelFiles(
  folder: string,
  { files }: Built
): Promise<readonly { readonly url: string; readonly path: string }[]> {
  const bySha = new Map<string, Uint8Array>()
  for (let cell = 0; cell < LARGE_WHEELS + SMALL_WHEELS; cell++) {
    const bytes = wheelOf(cell) ?? new Uint8Array()
    bySha.set(sha256Hex(bytes), bytes)
  }
  return Promise.all(
    Object.values(files)
      .flat()
      .map(async (url) => {
        const path = join(folder, 'www', url)
        await mkdir(join(path, '..'), { recursive: true })
        await writeFile(path, bySha.get(url.split('/')[2] ?? '') ?? '')
        return { url, path }
      })
  )
}

function subjectOf(
  name: Subject['name'],
  { port, pid, pages }: { readonly port: number; readonly pid: number; readonly pages: readonly string[] },
  stop: () => Promise<void>
): Subject {
  let known: Promise<ReadonlyMap<string, string>> | undefined
  const read = async (): Promise<ReadonlyMap<string, string>> => {
    const all = await readAll({ port }, pages, { accept: JSON_V1, 'accept-encoding': 'gzip' })
    return new Map(all.pages.map(({ path, etag }) => [path, etag]))
  }
  return { name, port, pids: [pid], etags: () => (known ??= read()), stop }
}

async function freePort(): Promise<number> {
  const server = createNetServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function untilAnswers(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
    if (answer !== undefined) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('nginx does not answer: is it installed? (apt install nginx)')
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
