import { setMaxListeners } from 'node:events'
import { createServer as createNodeServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Startable } from '../core/ports.ts'
import type { NodeApp } from './app.ts'
import {
  CLOSE_GRACE_MS,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  MAX_CONNECTIONS,
  MAX_HEADERS,
  MAX_HEADER_BYTES,
  REQUEST_TIMEOUT_MS,
  SOCKET_IDLE_MS
} from './http-limits.ts'

export interface HttpServerOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly maxConnections?: number
  readonly closeGraceMs?: number
}

export interface HttpServer extends Startable {
  /** Where it listens; throws a TypeError before start. */
  address(): { readonly host: string; readonly port: number }
}

/** Serves an app over HTTP, with a bound on everything a client can make us keep. */
export function createHttpServer(app: NodeApp, options: HttpServerOptions): HttpServer {
  let running: { readonly server: Server; readonly stopping: AbortController } | undefined
  return {
    name: 'http',
    async start(): Promise<void> {
      if (running !== undefined) return
      const stopping = new AbortController()
      // One listener for each event stream, whose number is bounded.
      setMaxListeners(0, stopping.signal)
      const server = createServer(app, stopping.signal)
      server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS
      await listen(server, options)
      running = { server, stopping }
    },
    async stop(): Promise<void> {
      if (running === undefined) return
      const { server, stopping } = running
      running = undefined
      stopping.abort()
      await close(server, options.closeGraceMs ?? CLOSE_GRACE_MS)
    },
    address() {
      const address = running?.server.address()
      if (!isAddressInfo(address)) throw new TypeError('the HTTP server does not listen')
      return { host: address.address, port: address.port }
    }
  }
}

function createServer(app: NodeApp, stopping: AbortSignal): Server {
  const routed = getRequestListener((request, env) => app.fetch(request, Object.assign(env, { stopping })))
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS
  }
  const server = createNodeServer(limits, (incoming, outgoing) => {
    const otherwise = (): void => void routed(incoming, outgoing)
    if (!app.direct(incoming, outgoing, otherwise)) otherwise()
  })
  server.maxHeadersCount = MAX_HEADERS
  server.setTimeout(SOCKET_IDLE_MS)
  return server
}

async function listen(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Idle connections end at once, event streams by the signal, downloads when they are through or the grace is over. */
async function close(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const lastResort = setTimeout(() => {
      server.closeAllConnections()
    }, graceMs)
    server.close(() => {
      clearTimeout(lastResort)
      resolve()
    })
    server.closeIdleConnections()
  })
}

function isAddressInfo(address: AddressInfo | string | null | undefined): address is AddressInfo {
  return typeof address === 'object' && address !== null
}
