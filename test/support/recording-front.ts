import { createServer, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { RequestListener, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Transform, pipeline } from 'node:stream'

/** One request of a client, as it went through. */
export interface Exchange {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** 0 when the node gave no answer. */
  status: number
  answer: IncomingHttpHeaders
  /** Of the body, as far as it went to the client. */
  bytes: number
}

export interface Certificate {
  readonly key: string
  readonly cert: string
}

interface Cut {
  readonly pathEnd: string
  readonly afterBytes: number
}

/**
 * What a client takes for the node: it notes every request and passes it on unchanged to whichever node it leads to, as a name in
 * DNS or a node at the same address of every machine would. Clients that keep no pages of plain HTTP are asked over TLS.
 */
export class Front {
  /** Oldest first, since the last `forget`. */
  readonly seen: Exchange[] = []
  #origin: string
  #cut: Cut | undefined
  readonly #plain: Server
  readonly #tls: Server | undefined

  private constructor(origin: string, certificate: Certificate | undefined) {
    this.#origin = origin
    const listener: RequestListener = (incoming, outgoing) => {
      this.#pass(incoming, outgoing)
    }
    this.#plain = createServer(listener)
    this.#tls = certificate === undefined ? undefined : createTlsServer(certificate, listener)
  }

  /** With a certificate it has a second address, over TLS. */
  static async open(origin: string, certificate?: Certificate): Promise<Front> {
    const front = new Front(origin, certificate)
    await Promise.all(front.#servers().map(listen))
    return front
  }

  get indexUrl(): string {
    return `http://127.0.0.1:${portOf(this.#plain)}/simple/`
  }

  get tlsIndexUrl(): string {
    if (this.#tls === undefined) throw new TypeError('a front without a certificate has no TLS')
    // By name: some pips cannot check a certificate of an address.
    return `https://localhost:${portOf(this.#tls)}/simple/`
  }

  /** From now on another node answers. */
  lead(origin: string): void {
    this.#origin = origin
  }

  /** The next whole answer to such a path breaks off in the middle, as when a node is switched off. */
  cutNext(pathEnd: string, afterBytes: number): void {
    this.#cut = { pathEnd, afterBytes }
  }

  forget(): void {
    this.seen.length = 0
    this.#cut = undefined
  }

  pages(project: string): readonly Exchange[] {
    return this.seen.filter(({ path }) => path === `/simple/${project}/`)
  }

  /** Requests for what ends so, below /files/. */
  files(end: string): readonly Exchange[] {
    return this.seen.filter(({ path }) => path.startsWith('/files/') && path.endsWith(end))
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers().map(close))
  }

  #servers(): readonly Server[] {
    return this.#tls === undefined ? [this.#plain] : [this.#plain, this.#tls]
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = 'GET', url = '/', headers } = incoming
    const exchange: Exchange = { method, path: url, headers, status: 0, answer: {}, bytes: 0 }
    this.seen.push(exchange)
    const forwarded = request(new URL(url, this.#origin), { method, headers, agent: false }, (answer) => {
      exchange.status = answer.statusCode ?? 0
      exchange.answer = answer.headers
      outgoing.writeHead(exchange.status, answer.headers)
      pipeline(answer, this.#counter(exchange, outgoing), outgoing, () => undefined)
    })
    // A node that is not there leaves its clients without an answer, not with one of ours.
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  }

  #counter(exchange: Exchange, outgoing: ServerResponse): Transform {
    const cut = this.#takeCut(exchange)
    return new Transform({
      transform(chunk: Buffer, _, done) {
        const rest = cut === undefined ? Infinity : cut.afterBytes - exchange.bytes
        const passed = chunk.subarray(0, Math.min(chunk.byteLength, rest))
        exchange.bytes += passed.byteLength
        if (passed.byteLength === chunk.byteLength) {
          done(null, passed)
          return
        }
        // What was written must reach the client before the end does.
        outgoing.write(passed, () => outgoing.destroy())
      }
    })
  }

  #takeCut({ path, status }: Exchange): Cut | undefined {
    const cut = this.#cut
    if (cut === undefined || status !== 200 || !path.endsWith(cut.pathEnd)) return undefined
    this.#cut = undefined
    return cut
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}
