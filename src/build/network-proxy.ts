import { lookup } from 'node:dns/promises'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse
} from 'node:http'
import { connect, type Socket } from 'node:net'
import { Transform, type Duplex } from 'node:stream'
import { messageOf } from '../core/errors.ts'
import { isAllowedHost, isPublicAddress } from './network-policy.ts'

const GiB = 1024 ** 3
/** More than a build fetches that only lacks a data file or two. */
const MAX_REQUESTS = 1_000
const MAX_BYTES = 2 * GiB
const MAX_OPEN = 32
/** A connection over which nothing comes for this long. */
const IDLE_MS = 60_000
const PORTS: readonly number[] = [80, 443]

export interface ProxyRules {
  /** Exact names, or `*.name`. */
  readonly allowed: readonly string[]
  /** Is told of every request, and what became of it. */
  readonly log: (line: string) => void
  readonly resolve?: (host: string) => Promise<readonly string[]>
  readonly isPublic?: (address: string) => boolean
  readonly ports?: readonly number[]
  readonly maxRequests?: number
  readonly maxBytes?: number
}

/** Where a request goes; an address that was looked at, so that no second answer of a name server counts. */
interface Place {
  readonly host: string
  readonly port: number
  readonly address: string
}

/** A refusal, in words that the build's log shows. */
class Refused extends Error {
  override readonly name = 'Refused'
}

/**
 * An HTTP proxy on a Unix socket for one build: CONNECT to port 443, plain requests to port 80, to the allowed hosts and nobody else.
 * It looks names up itself and connects only to public addresses: not to this machine, nor to its local network.
 */
export class NetworkProxy {
  readonly #rules: Required<ProxyRules>
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()
  readonly #reached = new Set<string>()
  #requests = 0
  #bytes = 0

  constructor(rules: ProxyRules) {
    this.#rules = {
      resolve: resolveHost,
      isPublic: isPublicAddress,
      ports: PORTS,
      maxRequests: MAX_REQUESTS,
      maxBytes: MAX_BYTES,
      ...rules
    }
    this.#server = createServer({ requestTimeout: 0 }, (request, response) => {
      this.#forward(request, response).catch((error: unknown) => {
        refuseResponse(response, messageOf(error))
      })
    })
    this.#server.maxConnections = MAX_OPEN
    this.#server.on('connection', (socket) => {
      this.#own(socket)
    })
    this.#server.on('connect', (request, socket, head) => {
      this.#tunnel(request.url ?? '', socket, head).catch((error: unknown) => {
        socket.end(`HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\n\r\n${messageOf(error)}\n`)
      })
    })
  }

  /** Hosts that were reached, as `name:port`, sorted. */
  get reached(): readonly string[] {
    return [...this.#reached].sort()
  }

  async listen(socketPath: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(socketPath, resolve)
    })
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve()
      })
    })
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #tunnel(target: string, client: Duplex, head: Buffer): Promise<void> {
    const { hostname, port } = new URL(`connect://${target}`)
    const place = await this.#admit('CONNECT', hostname, Number(port))
    const remote = this.#connect(place)
    await connected(remote)
    this.#reached.add(`${place.host}:${place.port}`)
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (head.byteLength > 0) remote.write(head)
    client.pipe(this.#counted()).pipe(remote)
    remote.pipe(this.#counted()).pipe(client)
    client.once('close', () => remote.destroy())
    remote.once('close', () => client.destroy())
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '')
    if (url.protocol !== 'http:') throw new Refused(`the proxy does not speak ${url.protocol}`)
    const place = await this.#admit(
      request.method ?? '',
      url.hostname,
      Number(url.port === '' ? 80 : url.port)
    )
    const headers: OutgoingHttpHeaders = { ...request.headers, host: url.host, connection: 'close' }
    delete headers['proxy-connection']
    delete headers['proxy-authorization']
    const onward = httpRequest({
      createConnection: () => this.#connect(place),
      method: request.method ?? 'GET',
      path: `${url.pathname}${url.search}`,
      headers
    })
    onward.on('response', (answer) => {
      this.#reached.add(`${place.host}:${place.port}`)
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(this.#counted()).pipe(response)
    })
    onward.on('error', (error) => {
      refuseResponse(response, error.message)
    })
    request.pipe(this.#counted()).pipe(onward)
  }

  async #admit(method: string, name: string, port: number): Promise<Place> {
    const host = name.toLowerCase().replace(/\.$/, '')
    const shown = `network: ${method.slice(0, 10)} ${JSON.stringify(host.slice(0, 253))} port ${port}`
    this.#requests += 1
    if (this.#requests > this.#rules.maxRequests) throw new Refused('this build has made too many requests')
    try {
      const address = await this.#addressOf(host, port)
      this.#rules.log(`${shown}: ${address}`)
      return { host, port, address }
    } catch (error) {
      this.#rules.log(`${shown}: refused, ${messageOf(error)}`)
      throw error
    }
  }

  async #addressOf(host: string, port: number): Promise<string> {
    if (!this.#rules.ports.includes(port))
      throw new Refused(`only ports ${this.#rules.ports.join(' and ')} are open`)
    if (!isAllowedHost(host, this.#rules.allowed))
      throw new Refused(`${host} is not allowed for this project`)
    const addresses = await this.#rules.resolve(host)
    const address = addresses.find((one) => this.#rules.isPublic(one))
    if (address !== undefined) return address
    throw new Refused(
      addresses.length === 0 ? `${host} has no address` : `${host} is no host of the public network`
    )
  }

  #connect({ address, port }: Place): Socket {
    const socket = connect({ host: address, port })
    this.#own(socket)
    return socket
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    // whoever uses it is told by its close
    socket.on('error', () => undefined)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #counted(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, pass) => {
        this.#bytes += chunk.byteLength
        if (this.#bytes <= this.#rules.maxBytes) {
          pass(null, chunk)
          return
        }
        this.#rules.log(`network: ended, more than ${this.#rules.maxBytes} bytes`)
        for (const socket of this.#sockets) socket.destroy()
      }
    })
  }
}

async function resolveHost(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

async function connected(socket: Socket): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
    socket.once('close', () => {
      reject(new Error('the connection was closed'))
    })
  })
}

function refuseResponse(response: ServerResponse, reason: string): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(403, { 'content-type': 'text/plain' })
  response.end(`${reason}\n`)
}
