import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sha256Hex } from '../../src/core/digest.ts'
import { normalizeName } from '../../src/core/distribution.ts'
import { fixtureHtml, fixtureJson, type FixtureFile, type FixtureProject } from './fixture-page.ts'

export type { FixtureFile } from './fixture-page.ts'

export interface FixtureRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  /** 0 without an answer. */
  readonly status: number
}

/** Set any of them at any time; the next request sees it. */
export interface FixtureFaults {
  /** Connections are cut before any answer. */
  down: boolean
  /** Every answer is this status, with no body. */
  status: number | undefined
  /** Wait before each answer. */
  delayMs: number
  /** Pages name digests of other bytes than those served. */
  wrongDigest: boolean
  /** Files end half-way, with the connection cut. */
  truncateFiles: boolean
  /** An index of before PEP 691. */
  htmlOnly: boolean
  /** An index that knows no serials. */
  noSerials: boolean
  /** Sent with a `status`. */
  retryAfter: string | undefined
  /** It has a feed of updates, as PyPI does. */
  feed: boolean
}

export interface FixtureUpstream {
  /** Of the simple index, with a slash at the end. */
  readonly url: string
  /** All that came so far, oldest first. */
  readonly requests: readonly FixtureRequest[]
  readonly faults: FixtureFaults
  /** Adds a file, or replaces the one of that name; the serial grows. */
  publish(project: string, file: FixtureFile): void
  /** From now on 404. */
  remove(project: string): void
  close(): Promise<void>
}

/** A simple index (PEP 503, 691, 658, 700) on 127.0.0.1: the only upstream that tests ever talk to. */
export async function startFixtureUpstream(
  options: {
    readonly projects?: Readonly<Record<string, readonly FixtureFile[]>>
    /** Where it listens: another address than loopback for nodes in namespaces of their own. */
    readonly host?: string
  } = {}
): Promise<FixtureUpstream> {
  const projects = new Map<string, FixtureProject>()
  const requests: FixtureRequest[] = []
  const faults: FixtureFaults = {
    down: false,
    status: undefined,
    delayMs: 0,
    wrongDigest: false,
    truncateFiles: false,
    htmlOnly: false,
    noSerials: false,
    retryAfter: undefined,
    feed: false
  }
  let serial = 0

  function publish(project: string, file: FixtureFile): void {
    serial += 1
    const name = normalizeName(project)
    const others = (projects.get(name)?.files ?? []).filter(({ filename }) => filename !== file.filename)
    projects.set(name, { name, serial, files: [...others, { serial, ...file }] })
  }

  for (const [project, files] of Object.entries(options.projects ?? {})) {
    if (files.length === 0) projects.set(normalizeName(project), { name: project, serial: 0, files: [] })
    for (const file of files) publish(project, file)
  }

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://fixture').pathname
    const seen = { method: request.method ?? '', path, headers: request.headers, status: 0 }
    requests.push(seen)
    response.on('prefinish', () => {
      seen.status = response.statusCode
    })
    setTimeout(() => {
      answer({ request, response, path, projects, faults })
    }, faults.delayMs)
  })
  const host = options.host ?? '127.0.0.1'
  await listen(server, host)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${host}:${port}/simple/`,
    requests,
    faults,
    publish,
    remove: (project) => void projects.delete(normalizeName(project)),
    close: () => close(server)
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: string
  readonly projects: ReadonlyMap<string, FixtureProject>
  readonly faults: FixtureFaults
}

function answer(exchange: Exchange): void {
  const { request, response, faults } = exchange
  if (faults.down) {
    request.socket.destroy()
    return
  }
  if (faults.status !== undefined) {
    const headers = faults.retryAfter === undefined ? {} : { 'retry-after': faults.retryAfter }
    response.writeHead(faults.status, headers).end()
    return
  }
  route(exchange)
}

function route(exchange: Exchange): void {
  const { response, path, faults } = exchange
  const [, area = '', first = '', second] = path.split('/').map(decodeURIComponent)
  if (area === 'simple' && first === '') answerList(exchange)
  else if (area === 'simple') answerProject(exchange, first, second === '')
  else if (area === 'rss' && first === 'updates.xml' && faults.feed) answerFeed(exchange)
  else if (area === 'files' && second !== undefined) answerFile(exchange, first, second)
  else response.writeHead(404).end()
}

function answerList({ response, projects, faults }: Exchange): void {
  if (faults.htmlOnly) {
    const links = [...projects.keys()].map((name) => `<a href="/simple/${name}/">${name}</a>`)
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<!DOCTYPE html>${links.join('<br>')}`)
    return
  }
  const body = JSON.stringify({
    meta: { 'api-version': '1.4' },
    projects: [...projects.values()].map(({ name, serial }) => ({
      ...(faults.noSerials ? {} : { '_last-serial': serial }),
      name
    }))
  })
  response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' }).end(body)
}

/** The newest first, as PyPI has it; the serial stands for the version. */
function answerFeed({ request, response, projects }: Exchange): void {
  const items = [...projects.values()]
    .sort((a, b) => b.serial - a.serial)
    .map(
      ({ name, serial }) =>
        `<item><title>${name} ${serial}</title><link>http://fixture/project/${name}/${serial}/</link></item>`
    )
  const body = `<?xml version="1.0"?><rss version="2.0"><channel><title>updates</title>${items.join('')}</channel></rss>`
  const etag = `"${sha256Hex(body).slice(0, 16)}"`
  const headers = { 'content-type': 'application/rss+xml', etag }
  if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end()
  else response.writeHead(200, headers).end(body)
}

function answerProject(
  { request, response, projects, faults }: Exchange,
  name: string,
  slash: boolean
): void {
  const normal = normalizeName(name)
  if (normal !== name || !slash) {
    response.writeHead(301, { location: `/simple/${normal}/` }).end()
    return
  }
  const project = projects.get(name)
  if (project === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('404 Not Found')
    return
  }
  const json =
    !faults.htmlOnly && (request.headers.accept ?? '').includes('application/vnd.pypi.simple.v1+json')
  const body = json ? fixtureJson(project, faults) : fixtureHtml(project, faults)
  const etag = `"${sha256Hex(body).slice(0, 16)}"`
  const headers = {
    'content-type': json ? 'application/vnd.pypi.simple.v1+json' : 'text/html; charset=utf-8',
    etag,
    vary: 'Accept',
    ...(faults.noSerials ? {} : { 'x-pypi-last-serial': String(project.serial) })
  }
  if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end()
  else response.writeHead(200, headers).end(body)
}

function answerFile({ response, projects, faults }: Exchange, digest: string, filename: string): void {
  const files = [...projects.values()].flatMap((project) => project.files)
  const wanted = filename.replace(/\.metadata$/, '')
  const file = files.find((one) => one.filename === wanted && sha256Hex(one.bytes) === digest)
  const body = filename === wanted ? file?.bytes : file?.metadata
  if (body === undefined) {
    response.writeHead(404).end()
    return
  }
  const bytes = Buffer.from(body)
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length })
  if (!faults.truncateFiles) response.end(bytes)
  else response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy())
}

function listen(server: Server, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, resolve)
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => {
      if (error === undefined) resolve()
      else reject(error)
    })
    server.closeAllConnections()
  })
}
