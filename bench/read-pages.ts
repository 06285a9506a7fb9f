import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'

interface ReadPage {
  readonly path: string
  /** Names and values in turn, without what node:http adds. */
  readonly headers: readonly string[]
  readonly etag: string
  readonly body: Buffer
}

export interface ReadPages {
  readonly pages: readonly ReadPage[]
  readonly perSecond: number
}

/** What node:http adds by itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['connection', 'date', 'keep-alive'])

/** All pages of a server, one after the other on a few connections. */
export async function readAll(
  { port }: { readonly port: number },
  paths: readonly string[],
  headers: Readonly<Record<string, string>>
): Promise<ReadPages> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const began = performance.now()
  const waiting = [...paths.entries()]
  const pages: ReadPage[] = []
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const [at, path] = next
        pages[at] = await readPage({ port, path, headers, agent })
      }
    })
  )
  agent.destroy()
  return { pages, perSecond: (paths.length * 1_000) / (performance.now() - began) }
}

/** With the encoding as it was sent, which fetch would undo. */
async function readPage(order: {
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly agent: Agent
}): Promise<ReadPage> {
  const asking = request({ host: '127.0.0.1', ...order })
  asking.end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} for ${order.path}`)
  const headers = answer.rawHeaders.flatMap((name, at, all) =>
    at % 2 === 0 && !OWN_HEADERS.has(name.toLowerCase()) ? [name, all[at + 1] ?? ''] : []
  )
  return { path: order.path, headers, etag: answer.headers.etag ?? '', body: Buffer.concat(chunks) }
}
