import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'

/** What the bare server has: pages in memory, as they go over the wire, and files on the disk. */
export interface StaticPlan {
  readonly pages: readonly StaticPage[]
  readonly files: readonly { readonly url: string; readonly path: string }[]
}

export interface StaticPage {
  readonly url: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly etag: string
  /** Where its bytes are. */
  readonly path: string
}

/**
 * The least that a node:http server must do for the same answers: pages as buffers, compared by their tag; files streamed from the disk.
 * The plan comes as the first word of the command line, the port goes out as the first line.
 */
const plan = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as StaticPlan
const pages = new Map<string, StaticPage & { readonly body: Buffer; readonly lasting: string[] }>()
for (const page of plan.pages) {
  pages.set(page.url, { ...page, body: await readFile(page.path), lasting: withoutBody(page.headers) })
}
const files = new Map(plan.files.map(({ url, path }) => [url, path]))

const server = createServer((request, response) => {
  const page = pages.get(request.url ?? '')
  if (page === undefined) void sendFile(request, response)
  else if (request.headers['if-none-match'] === page.etag) response.writeHead(304, page.lasting).end()
  else response.writeHead(200, page.headers as string[]).end(page.body)
})
server.keepAliveTimeout = 65_000
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})

/** What a 304 repeats (RFC 9110 §15.4.5). */
function withoutBody(headers: readonly string[]): string[] {
  return headers.flatMap((name, at) =>
    at % 2 === 0 && !name.startsWith('content-') ? [name, headers[at + 1] ?? ''] : []
  )
}

async function sendFile({ url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = files.get(url)
  if (path === undefined) {
    response.writeHead(404).end()
    return
  }
  const { size } = await stat(path)
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': String(size) })
  // wrk goes away in the middle of an answer when its time is over.
  await pipeline(createReadStream(path), response).catch(() => response.destroy())
}
